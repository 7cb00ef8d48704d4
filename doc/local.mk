dist_doc_DATA = README LICENSE doc/ARCHITECTURE doc/HACKING \
	doc/PROTOCOL.upstream doc/PROTOCOL.attach doc/API \
	doc/PROTOCOL.host doc/MEASURED doc/ISOLATION doc/OCI
