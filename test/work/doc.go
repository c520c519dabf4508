// Package work has tests of when work ends: what becomes of a script whose visitor leaves, or
// whose response is whole before the script is, through PHP-FPM alone and through realdocd.
//
// TestSituations draws the table of realdocd-work(7): WORK_TABLE=1 prints what it sees instead
// of comparing it. TestJobs counts that jobs that were begun are ended, over many requests;
// WORK_JOBS says over how many.
package work
