// Package nginxconf reads the configuration files of nginx, with the line of each
// directive.
//
// [Load] reads a file with those that it includes, as nginx does: tokens are quoted or
// not, a # at the beginning of one starts a comment, a directive ends with ; or with a
// block, and the files of an include stand where the include does, sorted by name
// (ngx_conf_file.c). Nothing is checked: nginx refuses what is wrong when it starts. What
// a block of Lua or njs has between its braces is read as if it were directives, which
// nobody asks for.
package nginxconf
