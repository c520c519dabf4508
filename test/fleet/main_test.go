package fleet

import (
	"os"
	"testing"

	"realdocd/test/stack"
)

func TestMain(m *testing.M) { os.Exit(stack.Main(m)) }
