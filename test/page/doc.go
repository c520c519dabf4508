// Package page looks at realdocd's page as people do: in a real Chromium, with real traffic
// through nginx and PHP-FPM, while releases are flipped and processes taken over.
package page
