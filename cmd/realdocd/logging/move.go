package logging

// Next opens the output that a configuration names when it is read again. It is nil
// if the log stays where it is. The caller hands it to [Log.Move], or closes it.
func (l *Log) Next(output string) (*Output, error) {
	l.mu.Lock()
	stays := output == l.name
	l.mu.Unlock()
	if stays {
		return nil, nil
	}
	return l.open(output)
}

// Move has the log go on in next. Lines that came before are written to the output
// before, which is then closed. If the output before hangs, the log stays there, and next
// is closed.
func (l *Log) Move(next *Output) error {
	if !l.outMu.lock(outPatience) {
		next.Close()
		return errHangs
	}
	defer l.outMu.unlock()
	l.moveLocked(next)
	return nil
}

func (l *Log) moveLocked(next *Output) {
	l.writeLocked(next)
	next.inherit(&l.out.lineWriter)
	l.out.Close()
	l.out = next
	l.colours.Store(next.colours)
}

// Reopen opens the log file again by its path, after logrotate has moved it away, and
// goes on there. If that fails, the file that is open stays in use. The path is "" if
// the log goes to standard error; nothing is done then.
func (l *Log) Reopen() (path string, err error) {
	if !l.outMu.lock(outPatience) {
		return "", errHangs
	}
	defer l.outMu.unlock()
	if l.out.name == ToStderr {
		return "", nil
	}
	l.writeLocked(l.out) // which may alarm
	next, err := l.open(l.out.name)
	if err != nil {
		return l.out.name, err
	}
	next.alarmed = l.out.alarmed
	l.moveLocked(next)
	return next.name, nil
}
