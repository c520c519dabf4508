// Package stack runs the real parts around a FastCGI gateway: PHP-FPM, fcgiwrap, the web servers and
// realdocd itself, each as a child process with its own configuration below one scratch directory,
// on unix sockets and free loopback ports. Nothing of the machine's own set-up is read or touched.
//
//	s := stack.For(t, "nginx", "php-fpm")  // a scratch directory; skips the test if a program is missing
//	site := s.Site(stack.SiteConfig{})
//	fpm := s.FPM(stack.FPMConfig{})
//	gw := s.Gateway(stack.GatewayFor(fpm, site))
//	web := s.Nginx(stack.NginxConfig{Servers: []stack.NginxServer{
//		{Root: site.DocRoot(), Backend: gw.Addr},
//	}})
//	tally := stack.Load{URLs: []string{web.URL(0, "/index.php")}, Requests: 1000}.Run(t.Context())
//
// Each of these returns once its part answers. If it does not, the test ends, with the end of the child's own
// log. A [Stack] fails through the [TB] that it was made with; [Stack.In] gives one for a subtest, and [Run]
// one for a program that is not a test. When the test has ended, so have all children, newest first.
//
// [Stack.Nginx] and [Stack.Apache] write a configuration for what a test is about. [Stack.Front] runs a
// [WebServer] on the sample that users copy from etc/, in which only paths, ports and sockets are put in.
//
// What an operator does to realdocd, a [Gateway] does: Reload, Upgrade, Command for the verbs of the command
// line, and Metric over the control socket. The methods of the same names on Stack end the test if it fails.
//
// The page of a site looks at its release in all the ways an application can: the verdict on what it
// saw is an [Observation], the sum of many is a [Tally], and a request that saw two releases is torn.
//
// [Client] and [FakeFPM] are the two ends of FastCGI written by hand, record for record, so that tests can
// say things on the wire that no well-behaved program says, and time what comes back.
//
// [Poll], [Until] and [Receive] are how every test of this project waits.
//
// The package imports nothing else of this project, so that the tests of every package can use it.
package stack
