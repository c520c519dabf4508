// Package stack runs the real parts around a FastCGI gateway: PHP-FPM, fcgiwrap, the web servers and
// realdocd itself, each as a child process with its own configuration below one scratch directory,
// on unix sockets and free loopback ports. Nothing of the machine's own set-up is read or touched.
//
//	s, err := stack.New()                  // a scratch directory, later the parent of all parts
//	defer s.Close()                        // ends every child, newest first, and removes the directory
//	site, err := s.NewSite(stack.SiteConfig{})
//	fpm, err := s.StartFPM(stack.FPMConfig{})
//	gw, err := s.StartGateway(stack.GatewayFor(fpm, site))
//	web, err := s.StartNginx(stack.NginxConfig{Servers: []stack.NginxServer{
//		{Root: site.DocRoot(), Backend: gw.Addr},
//	}})
//	tally := stack.Load{URLs: []string{web.URL(0, "/index.php")}, Requests: 1000}.Run(ctx)
//
// Every Start returns once its part answers; when it does not, the error carries the end of the
// child's own log. In tests, For does the same without the error handling, and skips (or, where CI is
// set, fails) when a program is missing.
//
// StartNginx and StartApache write a configuration for what a test is about. StartFront runs any of the
// WebServers on the sample that users copy from etc/, in which only paths, ports and sockets are put in.
//
// What an operator does to realdocd, a Gateway does: Reload, Command for the verbs of the command line, and
// Metric over the control socket.
//
// The page of a site looks at its release in all the ways an application can: the verdict on what it
// saw is an Observation, the sum of many is a Tally, and a request that saw two releases is torn.
//
// Client and FakeFPM are the two ends of FastCGI written by hand, record for record, so that tests can
// say things on the wire that no well-behaved program says, and time what comes back.
package stack
