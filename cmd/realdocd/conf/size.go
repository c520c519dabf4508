package conf

import (
	"math"
	"strconv"
	"strings"
)

// units are those of a size, the longest names first.
var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}

// size reads a number of bytes, which may be 0.
func size(v any) (int64, error) {
	text, _ := v.(string)
	for _, unit := range units {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/unit.bytes {
			break
		}
		return int64(n) * unit.bytes, nil
	}
	return 0, wanted(`a size such as "64KiB", "10MiB" or "2GiB"`, v)
}

// sizeText writes it in the largest unit that it is whole in.
func sizeText(n int64) string {
	best := units[len(units)-1]
	for _, unit := range units {
		if n != 0 && n%unit.bytes == 0 && unit.bytes > best.bytes {
			best = unit
		}
	}
	return strconv.FormatInt(n/best.bytes, 10) + best.name
}
