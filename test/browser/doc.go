// Package browser drives a headless Chromium for tests, by its DevTools protocol over a pair
// of pipes. A Browser is one process with a profile of its own; a Tab loads pages and runs
// JavaScript in them. Tabs of one Browser share cookies, as a visitor's do.
//
// Messages are JSON, each with a zero byte behind it; a call and its answer have the same id.
// What is sent without being asked for (events) is thrown away: a test looks at the page, and
// waits by JavaScript.
package browser
