#!/usr/bin/perl
# What the web server said, and the body.
use strict;
use warnings;
read(STDIN, my $body = '', $ENV{CONTENT_LENGTH} || 0);
print "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\n";
print "$ENV{REQUEST_METHOD} $ENV{QUERY_STRING} $ENV{PATH_INFO} ", $ENV{HTTP_PROXY} || 'no proxy', " $body";
