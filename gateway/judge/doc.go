// Package judge says whether a release is worse than another, by what requests on both
// came to. It is arithmetic: it has no clock, does no input or output and starts nothing.
// Whoever observes gives it counts, and asks it as often as he likes.
//
// # What is compared
//
// A request has a path class (Class), and failed or took a time in PHP. Two releases are
// compared class by class, so that visitors who ask for other pages are not taken for a
// fault: a release is worse if the same class fails more often, or takes longer, on it.
// Blocks are compared one after the other (Trial.Add): a block has what both releases did
// in the same short while, so that a database that fails for a minute, for both, is not
// taken for one either.
//
// A visitor counts once for a class: more of his requests would say something about him, and
// not about the release. Whoever observes sees to that.
//
// # How often it may be wrong
//
// The verdict is looked at all the time, and a test for one look would be wrong far more
// often than it says. So each comparison is a bet that starts with 1 and whose expected
// gain is nothing as long as the release is no worse: an e-process. By Ville's inequality
// the probability that such a bet ever reaches 1/alpha is at most alpha, however often
// anybody looks and whenever he stops. For a block in which na requests of the live release
// and nb of the candidate have failed or not, with guesses qa and qb for how often they
// fail, made before the block was seen, the bet is multiplied by
//
//	likelihood of the block under qa and qb / likelihood under q0 for both,
//	q0 = (na*qa + nb*qb) / (na + nb)
//
// whose expectation is at most 1 if both fail equally often, whatever that rate is, or the
// candidate more seldom. That is the E-variable of R. J. Turner, A. Ly and P. D. Grünwald,
// "Generic E-variables for exact sequential k-sample tests that allow for optional
// stopping" (2024), and, for classes, of R. J. Turner and P. D. Grünwald, "Safe sequential
// testing and effect estimation in stratified count data" (2023). Nothing in it is an
// approximation for large numbers.
//
// Several bets run, for several sizes of a fault, and for a fault in all classes or in one
// of them. Their mean is a bet too. One half of Alpha is for failures, and one half for time.
//
// # Time
//
// A request is slow if it takes longer than a quantile of what the live release took for
// the class before: the median, and three above. Then slow requests are counted as failures
// are. Times of the candidate are taken to be shorter by Rule.Tolerance, so that only a
// release that is slower by more is worse.
//
// A release whose scripts opcache has not compiled yet is slow and not worse. So a time
// that is Cold is not compared: one of the first requests of a class on a release, or of its
// first seconds. Failures always are.
package judge
