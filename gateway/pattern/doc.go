// Package pattern reads docroots that stand for many, such as /var/www/*/current: what the
// wildcards of path.Match have matched of a docroot, and which docroot that names. It is text
// alone: nothing here looks at a disk.
//
// What the wildcards have matched are the docroot's parts: s1 is the only one of
// /var/www/s1/current by the [Pattern] above. Wildcards that stand side by side are one. Parts
// and docroots are one to one: a name leads back to its docroot, and to no other
// (Pattern.Docroot refuses what would lead elsewhere).
//
// A form is a text in which {1} is the first part, {2} the second, and so on, as in the name
// of a pool or in the path of a slot.
package pattern
