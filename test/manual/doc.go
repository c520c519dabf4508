// Package manual writes into the manual pages what a run has seen, and compares it with the next one.
//
// What is written stands between two lines of a page, of which the first one names the command that writes it:
//
//	.\" written by make destroy: situations
//	.\" end of situations
//
// A test that goes through the same again compares:
//
//	manual.Part{Page: "realdocd-deploy.7", By: "make destroy", Name: "situations"}.Compare(t, manual.List(items))
//
// It fails if the page says something else. With MANUAL_WRITE=1 it writes the page, so that the figures of a
// manual are always those of a run. [List], [Columns] and [Drawn] are the forms that a table has; what they are
// given is plain text, and mandoc takes all of it as text.
package manual
