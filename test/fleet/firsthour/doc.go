// Package firsthour does what realdocd-fleet(7) says of etcd: it runs the commands of the manual, with its
// settings, and sees that agents and operators may do what they have to and nothing else.
package firsthour
