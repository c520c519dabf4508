package webpage

import "time"

// minutes are a chart as a table, for those who do not see it: a row a minute, the newest
// first, with a cell a release.
type minutes struct {
	Bands []chartBand
	Rows  []minute
}

type minute struct {
	From  string
	Cells []counts
}

// MeanInPHP is milliseconds a request.
func (c counts) MeanInPHP() float64 { return c.mean() }

const stepsOfMinute = int(time.Minute / step)

func minutesOf(c chart) minutes {
	m := minutes{Bands: c.Bands}
	for last := steps - 2; last >= stepsOfMinute-1; last -= stepsOfMinute {
		first := last - stepsOfMinute + 1
		row := minute{From: time.Unix(c.From+int64(first)*c.Step, 0).Format("15:04:05")}
		used := false
		for i := range c.Bands {
			cell := c.Bands[i].sum(last, stepsOfMinute)
			used = used || cell.Requests > 0
			row.Cells = append(row.Cells, cell)
		}
		if used {
			m.Rows = append(m.Rows, row)
		}
	}
	return m
}
