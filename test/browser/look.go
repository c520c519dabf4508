package browser

// A Look is how a tab is shown.
type Look struct {
	Width, Height int
	Dark          bool
}

// Show shows the tab in a look from now on.
func (t *Tab) Show(l Look) {
	t.b.t.Helper()
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	t.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": l.Width, "height": l.Height, "deviceScaleFactor": 1, "mobile": l.Width < 500}, nil)
	t.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// WithoutJavaScript lets the tab run none from its next page on.
func (t *Tab) WithoutJavaScript() {
	t.b.t.Helper()
	t.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
}

// Screenshot is what the tab shows, as a PNG.
func (t *Tab) Screenshot() []byte {
	t.b.t.Helper()
	var got struct{ Data []byte }
	t.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	return got.Data
}

// Key presses a key, such as "Tab" or "Enter".
func (t *Tab) Key(name, text string, code int) {
	t.b.t.Helper()
	press := map[string]any{"type": "keyDown", "key": name, "code": name, "text": text, "windowsVirtualKeyCode": code}
	t.call("Input.dispatchKeyEvent", press, nil)
	t.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "code": name, "windowsVirtualKeyCode": code}, nil)
}

// OnNewPage has JavaScript run before any of each page that the tab loads from now on.
func (t *Tab) OnNewPage(source string) {
	t.b.t.Helper()
	t.call("Page.enable", map[string]any{}, nil)
	t.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": source}, nil)
}

func (t *Tab) call(method string, params, result any) {
	t.b.t.Helper()
	if err := t.b.call(t.session, method, params, result); err != nil {
		t.b.t.Fatal(err)
	}
}
