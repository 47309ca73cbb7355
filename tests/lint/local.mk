dist_check_SCRIPTS += tests/lint/check_lint tests/lint/check_scripts
EXTRA_DIST += tests/lint/lint.py tests/lint/test_lint.py
