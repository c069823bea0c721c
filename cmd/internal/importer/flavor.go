package importer

import (
	"fmt"
	"net/url"
	"strings"
)

// The flavors, as the configuration writes them.
const (
	starrocks = "starrocks"
	doris     = "doris"
	tidb      = "tidb"
	mysql     = "mysql"
)

// chooseFlavor says what the servers are: by the user's word, their health URL, their port.
func (p *Plan) chooseFlavor(said string) {
	if said != "" {
		p.Flavor, p.FlavorWhy = said, "as --flavor says"
		return
	}
	for _, b := range p.Backends {
		if u, err := url.Parse(b.URL); err == nil && b.URL != "" {
			switch strings.TrimSuffix(u.Path, "/") {
			case "/api/health", "/api/bootstrap":
				p.Flavor, p.FlavorWhy = starrocks, "by the path of the health URL; doris, if it is Apache Doris"
				return
			case "/status":
				p.Flavor, p.FlavorWhy = tidb, "by the path of the health URL"
				return
			}
		}
	}
	port := p.commonPort()
	switch port {
	case 9030:
		p.Flavor, p.FlavorWhy = starrocks, "by port 9030; doris, if it is Apache Doris"
	case 4000:
		p.Flavor, p.FlavorWhy = tidb, "by port 4000"
	default:
		p.Flavor, p.FlavorWhy = mysql, "MySQL and MariaDB"
		switch {
		case port == 0 && len(p.names()) > 0:
			p.FlavorWhy = "nothing says what the servers are, their ports stand in SRV records: starrocks, doris, tidb or mysql"
			p.remark(0, "flavor: %s", p.FlavorWhy)
		case port != 3306 && port != 0:
			p.FlavorWhy = fmt.Sprintf("nothing says what the servers are, and port %d is nobody's: starrocks, doris, tidb or mysql", port)
			p.remark(0, "flavor: %s", p.FlavorWhy)
		}
	}
}

// commonPort is the port of the first server.
func (p *Plan) commonPort() int {
	for _, b := range p.Backends {
		if b.Off == "" {
			_, port := split(b.Address)
			return port
		}
	}
	if names := p.names(); len(names) > 0 {
		_, port := split(names[0].Text) // 0: records of the name say it
		return port
	}
	return 0
}

// mysqlPorts are ports that servers of the MySQL protocol listen on.
func mysqlPort(port int) bool {
	switch port {
	case 3306, 3307, 9030, 4000, 6033, 6446, 6447:
		return true
	}
	return false
}
