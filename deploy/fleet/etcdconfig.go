package fleet

// EtcdConfig says where etcd is, and who we are to it.
type EtcdConfig struct {
	Endpoints []string // https://HOST:2379, or http://
	User      string
	Password  string
	// Files in PEM. CertFile and KeyFile are read for each connection, so that they can be renewed.
	CAFile, CertFile, KeyFile string
}
