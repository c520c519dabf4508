// Package exposition has metrics that are read when somebody asks for them, as Prometheus
// takes them.
//
// A [Family] is one metric with its labels, a [Set] the values of all families at one
// moment. What is counted elsewhere anyway goes into a Set without a check and without a
// lookup, so that the many thousand values of a host with many sites cost a scrape
// little: the caller sees to it that no two values of a family have the same labels.
//
// [Durations] and [Counter] are what a request counts with: of a fixed size, without a
// lock, and without an allocation.
package exposition
