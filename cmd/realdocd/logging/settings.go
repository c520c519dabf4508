package logging

// ToStderr is the [Settings.Output] that is not a file.
const ToStderr = "stderr"

// Levels and Formats have the words of [Settings]. The first level writes most.
var (
	Levels  = []string{"debug", "info", "warn", "error"}
	Formats = []string{"json", "console"}
)

// Settings say what is logged, how and where. The package takes them as checked.
type Settings struct {
	// Level is the least grave level that is written, one of Levels.
	Level string
	// Format is one of Formats: JSON, or text for people.
	Format string
	// Output is ToStderr, or the absolute path of a file.
	Output string
}
