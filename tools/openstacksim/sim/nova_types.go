package sim

import "time"

type flavor struct {
	meta
	VCPUs, RAM, Disk, Ephemeral, Swap int
	RxTx                              float64
	Public                            bool
	ExtraSpecs                        map[string]string
	Access                            []string
}

type keypair struct {
	meta
	UserID      string
	Kind        string
	PublicKey   string
	Fingerprint string
}

type serverGroup struct {
	meta
	UserID  string
	Policy  string
	MaxHost int // servers of the group on one host; 0: no limit
	Members []string
}

type aggregate struct {
	meta
	Number   int
	Zone     string
	Hosts    []string
	Metadata map[string]string
}

type computeHost struct {
	meta
	ServiceID string
	Disabled  bool
	Reason    string
	Down      bool
}

type serverFault struct {
	Code    int
	Message string
	At      time.Time
}

type server struct {
	meta
	UserID      string
	FlavorID    string
	Flavor      flavor // as it was when the server was made
	ImageID     string
	KeyName     string
	Host        string
	GroupID     string
	Zone        string
	Status      string
	DueAt       time.Time // when BUILD ends
	LaunchedAt  *time.Time
	Fault       *serverFault
	Metadata    map[string]string
	UserData    string
	ConfigDrive bool
	Locked      bool
	Ports       []string
	OwnPorts    []string // made by Nova, gone with the server
	SecGroups   []string
}

type inventory struct {
	Total           int     `json:"total"`
	Reserved        int     `json:"reserved"`
	MinUnit         int     `json:"min_unit"`
	MaxUnit         int     `json:"max_unit"`
	StepSize        int     `json:"step_size"`
	AllocationRatio float64 `json:"allocation_ratio"`
}

func (i inventory) capacity() int { return int(float64(i.Total-i.Reserved) * i.AllocationRatio) }

type provider struct {
	meta
	Generation  int
	ParentID    string
	Inventories map[string]inventory
	Traits      []string
	Aggregates  []string
}

// consumer is what one server (or any caller who allocates) uses, by provider.
type consumer struct {
	ID         string
	ProjectID  string
	UserID     string
	Kind       string
	Generation int
	Resources  map[string]map[string]int
}

type image struct {
	meta
	Status     string
	Visibility string
	Container  string
	Disk       string
	MinDisk    int
	MinRAM     int
	Protected  bool
	Size       *int64
	Checksum   string
	Properties map[string]string
}
