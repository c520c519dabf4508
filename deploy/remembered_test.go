package deploy

import (
	"slices"
	"testing"
)

func TestWhatPHPRemembersByPathOfASlotIsKnownBeforeItIsFilled(t *testing.T) {
	for _, row := range []struct {
		name             string
		before, after    map[string]string
		settings, symbol []string
	}{
		{"the same", map[string]string{".user.ini": "a=1", "l": "-> x"}, map[string]string{".user.ini": "a=1", "l": "-> x"}, nil, nil},
		{"settings changed", map[string]string{"p/.user.ini": "a=1"}, map[string]string{"p/.user.ini": "a=2"}, []string{"p/.user.ini"}, nil},
		{"settings new", map[string]string{"p/i.php": ""}, map[string]string{"p/.user.ini": "a=2", "p/i.php": ""}, []string{"p/.user.ini"}, nil},
		{"settings gone", map[string]string{".user.ini": "a=1"}, map[string]string{"i.php": ""}, []string{".user.ini"}, nil},
		{"a symlink re-pointed", map[string]string{"l": "-> x"}, map[string]string{"l": "-> y"}, nil, []string{"l"}},
		{"a directory became a symlink", map[string]string{"l/a.php": ""}, map[string]string{"l": "-> y"}, nil, []string{"l"}},
		{"a symlink became a directory", map[string]string{"l": "-> y"}, map[string]string{"l/a.php": ""}, nil, []string{"l"}},
		{"a symlink is new", map[string]string{"a": ""}, map[string]string{"a": "", "l": "-> y"}, nil, nil},
		{"what is shared and what is left alone", map[string]string{"storage": "-> x", "cache/l": "-> x"}, map[string]string{"storage/a": "", "cache/l": "-> y"}, nil, nil},
		{"nothing was there", nil, map[string]string{".user.ini": "a=1", "l": "-> y"}, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir+"/slot", row.before)
			lay(t, dir+"/source", row.after)
			got, err := RememberedBy(Filling{Source: dir + "/source", Exclude: []string{"cache"}, Shared: []string{"storage"}}, dir+"/slot", ".user.ini")
			if err != nil {
				t.Fatal(err)
			}
			for i := range row.settings {
				row.settings[i] = dir + "/slot/" + row.settings[i]
			}
			for i := range row.symbol {
				row.symbol[i] = dir + "/slot/" + row.symbol[i]
			}
			if !slices.Equal(got.Settings, row.settings) || !slices.Equal(got.Symlinks, row.symbol) {
				t.Errorf("%+v", got)
			}
		})
	}
}
