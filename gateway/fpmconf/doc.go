// Package fpmconf reads the configuration files of PHP and of PHP-FPM, with the line
// of each setting.
//
// [ParseINI] reads one text, such as php.ini. A [Config] reads a file of PHP-FPM with
// the files that it includes, and sorts the settings by pool: what realdocd check
// compares with the configuration, and what realdocd migrate takes over, is read in
// the same way.
//
// The rules are those of PHP-FPM, which a test asks with php-fpm -tt: a section goes on
// behind the files that it includes and through them, a section that comes twice is
// one, its name is the same in upper and lower case, the last value of a key counts,
// and $pool stands for the name of the pool. No library is used, because none tells on
// which line a setting stands.
//
// Nothing is checked: PHP-FPM refuses what is wrong when it starts.
package fpmconf
