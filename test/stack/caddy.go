package stack

// writeCaddySample imports the sample as its comment says.
func writeCaddySample(p *place) ([]string, error) {
	conf := []string{
		"{", "  admin off", "  auto_https off", "  storage file_system " + p.file("data"), "}",
		"import Caddyfile.d/*.caddyfile",
	}
	if err := writeLines(p.file("Caddyfile"), conf); err != nil {
		return nil, err
	}
	backend := "unix/" + string(p.Backend)
	if !p.Backend.Unix() {
		backend = string(p.Backend)
	}
	if err := p.install("caddy", "Caddyfile.d/realdocd-example.caddyfile",
		"shop.example.com", "http://"+string(p.listen), "unix/"+sampleSocket, backend); err != nil {
		return nil, err
	}
	return []string{"run", "--config", p.file("Caddyfile"), "--adapter", "caddyfile"}, nil
}
