// Package code knows which paths the files of a release name, outside of their
// comments. It works on text, and reads no file.
package code
