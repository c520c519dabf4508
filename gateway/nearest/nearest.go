package nearest

import "fmt"

// To gives the name that somebody most likely meant by word; "" if none is near.
func To(word string, names []string) string {
	best, bestDistance := "", len(word)/3+2
	for _, name := range names {
		if d := editDistance(word, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// editDistance is how many letters must be put in, taken out or replaced to
// make a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Hint is the end of a sentence about a name that is not there, as in
// `; did you mean "shop"?`; "" if no name is near.
func Hint(word string, names []string) string {
	near := To(word, names)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", near)
}

// Or is what follows "there is no such thing": the name that was meant, or else which names
// there are.
func Or(word string, names []string) string {
	if hint := Hint(word, names); hint != "" {
		return hint
	}
	return ": there are " + List(names)
}

// maxListed bounds the names of a list for people.
const maxListed = 12

// List is what names there are, for people: all of them if they are few.
func List(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	text := ""
	for i, name := range names[:min(len(names), maxListed)] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", name)
	}
	if more := len(names) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
