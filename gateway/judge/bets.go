package judge

import "math"

// failureSizes and slowSizes are by how much more often requests fail, or are slow, on a
// candidate that is worse: one bet for each.
var (
	failureSizes = []float64{0.005, 0.01, 0.03, 0.1, 0.4, 0.9}
	slowSizes    = []float64{0.05, 0.1, 0.2, 0.35}
)

// bets are on one kind of fault, with the logarithms of what they have come to.
type bets struct {
	sizes []float64
	all   []float64 // by size: that all classes have the fault
	by    [MaxClasses][]float64
	used  int // classes that there is a bet for
}

func newBets(sizes []float64) *bets {
	return &bets{sizes: sizes, all: make([]float64, len(sizes))}
}

// A block is what two releases did in the same while: of n requests, bad ones.
type block struct{ live, liveBad, candidate, candidateBad float64 }

// bet bets on a block of a class. rate is how often requests of it are bad on the live
// release, as far as was known before the block.
func (b *bets) bet(class int, rate float64, k block) {
	if k.live == 0 || k.candidate == 0 {
		return // there is nothing to compare with
	}
	if b.by[class] == nil {
		b.by[class] = make([]float64, len(b.sizes))
		b.used++
	}
	rate = min(max(rate, 1e-4), 0.95)
	for i, size := range b.sizes {
		worse := min(rate+size, 0.98)
		gain := logGain(rate, worse, k)
		b.all[i] += gain
		b.by[class][i] += gain
	}
}

// logGain is the logarithm of what the bet is multiplied by; see the package's
// documentation for the formula.
func logGain(rate, worse float64, k block) float64 {
	both := (k.live*rate + k.candidate*worse) / (k.live + k.candidate)
	good := k.live - k.liveBad
	candidateGood := k.candidate - k.candidateBad
	return k.liveBad*math.Log(rate/both) + good*math.Log((1-rate)/(1-both)) +
		k.candidateBad*math.Log(worse/both) + candidateGood*math.Log((1-worse)/(1-both))
}

// log is the logarithm of what all bets have come to: half of the stake is on a fault in all
// classes, and half, in equal parts, on a fault in each class that there may be. worst is the
// class whose own bets have won most; -1 if there is none.
func (b *bets) log() (log float64, worst int) {
	terms := make([]float64, 0, len(b.sizes)*(b.used+1))
	for _, l := range b.all {
		terms = append(terms, l-math.Log(2*float64(len(b.sizes))))
	}
	most := math.Inf(-1)
	worst = -1
	for class, logs := range b.by {
		for _, l := range logs {
			terms = append(terms, l-math.Log(2*MaxClasses*float64(len(b.sizes))))
			if l > most {
				most, worst = l, class
			}
		}
	}
	// The stakes on classes that never came are still there, and would only help.
	return logSum(terms), worst
}

// logSum is the logarithm of the sum of what the logarithms are of.
func logSum(logs []float64) float64 {
	most := math.Inf(-1)
	for _, l := range logs {
		most = max(most, l)
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum)
}
