EXTRA_DIST += packaging/dependencies packaging/functions.bash packaging/demo \
	packaging/portal/flask_app.py packaging/portal/old_websockets.py \
	packaging/portal/websocket_server.py packaging/portal/websocket_client.py \
	packaging/portal/visitor.py packaging/portal/machines.bash \
	packaging/portal/failover.bash

EXTRA_DIST += packaging/hpcbalctl.bash-completion

EXTRA_DIST += packaging/hpcbald.service packaging/hpcbal.sysusers

EXTRA_DIST += packaging/deb packaging/debian/README.Debian packaging/debian/changelog \
	packaging/debian/clean packaging/debian/control packaging/debian/copyright \
	packaging/debian/etc/hpcbal.conf packaging/debian/hpcbal.lintian-overrides \
	packaging/debian/hpcbal.postinst packaging/debian/hpcbal.postrm packaging/debian/rules \
	packaging/debian/source/format
