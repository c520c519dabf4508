//go:build !noetcd

package main

// handOn does nothing in a program that has a client of etcd.
func handOn([]string) error { return nil }
