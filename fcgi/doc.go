// Package fcgi speaks FastCGI 1.0 on the wire: records and name-value pairs,
// for both ends of a connection. It reads and writes no connection itself.
//
// A FastCGI connection is a stream of records, each with an 8-byte header
// (type, request id, content length, padding length). A web server opens a
// request with BEGIN_REQUEST, sends the CGI variables as name-value pairs in
// PARAMS records and the body in STDIN records, and ends each of the two
// streams with an empty record. The application answers with STDOUT and
// STDERR records, and with END_REQUEST, which alone says that the answer is
// complete.
//
// A [Reader] turns bytes, put in as they arrive, into whole records, which are
// slices of its buffer. A [Collector] gathers the params of one request; they
// are [Pair] values. The Append functions, such as [AppendParams] and
// [AppendEnd], write records and pairs behind what a slice has already. None of
// them allocates per record.
//
// # Limits
//
// The peer chooses lengths, so each has a bound. Content is at most 65,535 bytes
// and padding at most 255 (their fields have no room for more). The params of
// one request are at most [MaxParams] bytes in all, and at most [MaxPairs]. The pairs of a management
// record are at most one record.
//
// The specification is https://fastcgi-archives.github.io/FastCGI_Specification.html;
// sections named in this package are its sections. What PHP-FPM does beyond or
// against it is in php-src's main/fastcgi.c.
package fcgi
