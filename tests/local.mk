EXTRA_DIST += tests/run tests/tally.py tests/bench/run tests/bench/README.md tests/lab/run \
	tests/lab/README.md tests/lab/conftest.py tests/lab/segment.py tests/lab/watch.py \
	tests/lab/probe.py tests/lab/probe.c tests/lab/pair.py tests/lab/faults.py \
	tests/lab/test_lab.py tests/lab/test_interop.py tests/lab/test_faults.py \
	tests/lab/test_dissector.py tests/lab/programs.py tests/lab/spin.py \
	tests/lab/test_tracking.py tests/lab/test_demotion.py tests/lab/test_changes.py \
	tests/lab/steady tests/lab/steadiness.py tests/lab/test_steady.py \
	tests/lab/test_upgrade.py tests/lab/reference.c \
	tests/real/README.md tests/real/conftest.py tests/real/programs.py tests/real/blocks.py \
	tests/real/flask_site.py tests/real/test_big_bodies.py tests/real/test_streams.py \
	tests/real/test_same.py tests/real/test_many.py tests/real/test_clients.py \
	tests/real/test_browser.py tests/real/page/index.html tests/real/page/browser.html \
	tests/real/page/browser.css tests/real/page/first.js tests/real/page/second.js \
	tests/real/page/module.js tests/real/page/websocket.html tests/real/chromium.py \
	tests/real/test_admin_page.py tests/real/test_tls.py \
	tests/real/test_http2_servers.py tests/real/test_websocket.py \
	tests/real/websocket_crowd.py tests/real/websocket_server.py
EXTRA_DIST += tests/e2e/conftest.py tests/e2e/daemon.py tests/e2e/h2origin.py \
	tests/e2e/h2rig.py tests/e2e/h2servers.py tests/e2e/h2spec.py tests/e2e/h2wire.py \
	tests/e2e/hold.py tests/e2e/pki.py tests/e2e/rawtls.py tests/e2e/tcprig.py \
	tests/e2e/terminal.py tests/e2e/test_admin.py tests/e2e/test_answers.py \
	tests/e2e/test_bad_days.py tests/e2e/test_bad_days_of_the_daemon.py \
	tests/e2e/test_balance_and_checks.py tests/e2e/test_balancing.py tests/e2e/test_breaker.py \
	tests/e2e/test_chaos.py tests/e2e/test_checks.py tests/e2e/test_commands.py \
	tests/e2e/test_error_pages.py tests/e2e/test_explain.py tests/e2e/test_external_checks.py \
	tests/e2e/test_field_rules.py tests/e2e/test_flow_limits.py tests/e2e/test_flow_pace.py \
	tests/e2e/test_found_by_differential.py tests/e2e/test_h01_h36_request_head.py \
	tests/e2e/test_h101_h124_http2_to_servers.py tests/e2e/test_h112_h123_http2_streams.py \
	tests/e2e/test_h112_h144_http2_to_servers_connections.py \
	tests/e2e/test_h117_h120_http2_floods.py tests/e2e/test_h125_h127_tls.py \
	tests/e2e/test_h127_tls_edges.py tests/e2e/test_h128_h142_websocket.py \
	tests/e2e/test_h135_h141_http2_websocket.py tests/e2e/test_h138_http2_to_servers_tunnels.py \
	tests/e2e/test_h142_sessions.py tests/e2e/test_h145_h147_proxy_protocol.py \
	tests/e2e/test_h148_tcp.py tests/e2e/test_h148_tcp_around.py \
	tests/e2e/test_h148_tcp_real_servers.py tests/e2e/test_h37_h51_path_and_body.py \
	tests/e2e/test_h52_h83_fields_and_responses.py tests/e2e/test_h57_h61_hops.py \
	tests/e2e/test_h82_reasons.py tests/e2e/test_h84_h88_ends.py \
	tests/e2e/test_h84_h98_connections.py tests/e2e/test_h89_h93_retries.py \
	tests/e2e/test_h94_h97_pool.py tests/e2e/test_h98_drain.py \
	tests/e2e/test_h99_h111_http2_messages.py tests/e2e/test_h99_h2spec.py \
	tests/e2e/test_limits.py tests/e2e/test_operate.py tests/e2e/test_portal.py \
	tests/e2e/test_prefix.py tests/e2e/test_processes.py tests/e2e/test_queue.py \
	tests/e2e/test_reload.py tests/e2e/test_reload_parts.py tests/e2e/test_reload_under_load.py \
	tests/e2e/test_request_id.py tests/e2e/test_split.py tests/e2e/test_sticky.py \
	tests/e2e/test_supervisor.py tests/e2e/test_tls_to_servers.py tests/e2e/test_top.py \
	tests/e2e/test_upgrade.py tests/e2e/test_value_files.py tests/e2e/test_who_is_late.py \
	tests/e2e/tlsrig.py tests/e2e/traffic.py tests/e2e/wire.py
EXTRA_DIST += tests/differential/README.md tests/differential/run \
	tests/differential/cases.py tests/differential/odd_requests.py \
	tests/differential/odd_answers.py tests/differential/rig.py \
	tests/differential/reading.py tests/differential/parsers.py \
	tests/differential/oracle.py tests/differential/judges.py \
	tests/differential/runner.py tests/differential/relay.py \
	tests/differential/conftest.py tests/differential/test_differential.py \
	tests/differential/two_roads.py tests/differential/test_two_roads.py
EXTRA_DIST += tests/package/boot tests/package/clean_root.py tests/package/conftest.py \
	tests/package/test_package.py tests/package/test_install.py
