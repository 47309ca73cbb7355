dist_check_SCRIPTS += tests/lint/check_lint tests/lint/check_scripts tests/lint/check_oldest
EXTRA_DIST += tests/lint/lint.py tests/lint/test_lint.py tests/lint/oldest.py
