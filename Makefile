# make run    a whole login before your eyes        make test   everything the project promises, on the built wheel
# make quick  the tests alone, on the tree          make lint   the style and type checks alone
# make bench  beside FreeRADIUS (docs/performance.md), 20 minutes; with QUICK=1 ARGS="-k logins" a first look in three
# make install     the program as a service (docs/service.md); PREFIX and DESTDIR are honoured
# make uninstall   takes it away again, and says what it keeps

PYTHON ?= python3
TESTS ?= tests
VENV := .venv/bin
TEST := build/venv/bin
SOURCES := $(shell find -L radius_mfa -type f ! -name '*.pyc' ! -name '*.so' ! -name '*.o') \
    setup.cfg pyproject.toml LICENSE $(wildcard README.md)
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1
# One process more than there are cores, since tests wait a lot; and in the order of the directories: left alone, xdist
# begins with the files of most tests, and ends with the few that take long.
AT_ONCE := --no-header -n $(shell expr $$(nproc) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

DEST := $(patsubst %/,%,$(abspath $(DESTDIR)))
PREFIX ?= /opt/radius-mfa
COMMAND := /usr/local/bin/radius-mfa
CONFIG := /etc/radius-mfa/radius-mfa.yaml
LOGROTATE := /etc/logrotate.d/radius-mfa
DOC := /usr/share/doc/radius-mfa
UNITS := $(notdir $(wildcard systemd/*.service systemd/*.socket))
EXAMPLES := config/radius-mfa.yaml config/dictionary.radius-mfa $(wildcard config/examples/* systemd/examples/*)
# All that is ours alone, beside PREFIX and DOC.
FILES := $(UNITS:%=/usr/lib/systemd/system/%) /usr/lib/sysusers.d/radius-mfa.conf /usr/lib/tmpfiles.d/radius-mfa.conf \
    /usr/share/bash-completion/completions/radius-mfa /usr/share/man/man8/radius-mfa.8 \
    /usr/share/man/man5/radius-mfa.yaml.5

.NOTPARALLEL:
.PHONY: run test lint quick fuzz soak bench packages coverage clean python install uninstall place seen

run: .venv/radius-mfa.stamp
	$(VENV)/radius-mfa demo $(ARGS)

test: packages lint coverage

# `pytest`, not `python -m pytest`: this directory stays off the import path, and the wheel is what is tested.
# The stories of tests/unit have to cover the rules: all other tests take half the time when nobody traces them.
coverage: build/tested.stamp build/npm.stamp
	@rm -rf build/coverage && mkdir -p build/coverage
	$(TEST)/pytest $(AT_ONCE) --cov --cov-report= tests/unit
	$(TEST)/coverage report --fail-under=100
	$(TEST)/pytest $(AT_ONCE) --ignore tests/unit $(ARGS) $(TESTS)

lint: build/tested.stamp
	$(TEST)/ruff check --no-cache .
	$(TEST)/ruff format --no-cache --check .
	$(TEST)/mypy
	$(TEST)/lint-imports --no-logo

quick:
	$(VENV)/python -m pytest -q $(ARGS) $(TESTS)

bench: TESTS := tests/bench
fuzz soak bench: build/tested.stamp
	$(TEST)/pytest -m $@ --timeout 0 -s $(ARGS) $(TESTS)

packages:
	@tests/install

.venv/radius-mfa.stamp: setup.cfg pyproject.toml | python
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	$(PIP) $(VENV)/pip install --quiet --editable .
	@touch $@

build/venv.stamp: setup.cfg | python
	@rm -rf build/venv && mkdir -p build
	$(PYTHON) -m venv build/venv
	$(PIP) $(TEST)/pip install --quiet build
	@touch $@

# setuptools leaves build/lib behind and would put modules that are gone into the next wheel.
build/wheel.stamp: $(SOURCES) build/venv.stamp
	@rm -rf build/lib build/bdist.* build/wheel
	$(PIP) $(TEST)/python -m build --wheel --outdir build/wheel . >build/wheel.log 2>&1 || { cat build/wheel.log; exit 1; }
	@touch $@

build/tested.stamp: build/wheel.stamp
	$(PIP) $(TEST)/pip install --quiet "$$(echo build/wheel/*.whl)[test]"
	$(PIP) $(TEST)/pip install --quiet --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

build/npm.stamp: tests/daemon/package.json tests/daemon/package-lock.json
	@rm -rf build/npm && mkdir -p build/npm && cp $^ build/npm/
	if command -v npm >/dev/null; then npm ci --prefix build/npm --silent --no-audit --no-fund; fi
	@touch $@

# The program is put together beside its place, its paths are turned to that place, and it takes it in one step: when
# something fails before, an older one is still there. Whatever the umask, the service has to be able to read it.
install: new := $(DEST)$(PREFIX).new
install: build/wheel.stamp | python seen place
	rm -rf '$(new)'
	umask 022 && $(PYTHON) -m venv --without-pip '$(new)'
	umask 022 && $(PIP) $(TEST)/pip --python '$(new)/bin/python' install --quiet --no-compile build/wheel/*.whl
	rm -f '$(new)'/lib/python*/site-packages/radius_mfa-*.dist-info/direct_url.json
	umask 022 && '$(new)/bin/python' -I -m compileall -q -s '$(new)' -p '$(PREFIX)' '$(new)/lib'
	rm -rf build/share && mkdir -p build/share
	'$(new)/bin/python' -I -m radius_mfa completion bash >build/share/radius-mfa
	'$(new)/bin/python' -I docs/man/pages.py docs build/share
	grep -rlIFZ '$(new)' '$(new)/bin' '$(new)/pyvenv.cfg' | xargs -0 sed -i 's#$(new)#$(PREFIX)#g'
	rm -rf '$(DEST)$(PREFIX).old'
	if test -e '$(DEST)$(PREFIX)'; then mv '$(DEST)$(PREFIX)' '$(DEST)$(PREFIX).old'; fi
	mv '$(new)' '$(DEST)$(PREFIX)'
	rm -rf '$(DEST)$(PREFIX).old'
	for unit in $(UNITS); do sed 's#/opt/radius-mfa/#$(PREFIX)/#' "systemd/$$unit" >"build/share/$$unit"; done
	install -D -m 644 -t '$(DEST)/usr/lib/systemd/system' $(UNITS:%=build/share/%)
	install -D -m 644 systemd/sysusers.conf '$(DEST)/usr/lib/sysusers.d/radius-mfa.conf'
	install -D -m 644 systemd/tmpfiles.conf '$(DEST)/usr/lib/tmpfiles.d/radius-mfa.conf'
	install -D -m 644 build/share/radius-mfa '$(DEST)/usr/share/bash-completion/completions/radius-mfa'
	install -D -m 644 build/share/radius-mfa.8 '$(DEST)/usr/share/man/man8/radius-mfa.8'
	install -D -m 644 build/share/radius-mfa.yaml.5 '$(DEST)/usr/share/man/man5/radius-mfa.yaml.5'
	install -D -m 644 -t '$(DEST)$(DOC)' docs/*.md
	install -D -m 644 -t '$(DEST)$(DOC)/examples' $(EXAMPLES)
	install -D -m 644 -t '$(DEST)$(DOC)/examples/pam.d' config/pam.d/*
	test -e '$(DEST)$(LOGROTATE)' || install -D -m 644 systemd/logrotate '$(DEST)$(LOGROTATE)'
	test -d '$(DEST)$(dir $(CONFIG))' || install -d -m 750 '$(DEST)$(dir $(CONFIG))'
	test -e '$(DEST)$(CONFIG)' || install -m 640 config/radius-mfa.yaml '$(DEST)$(CONFIG)'
	umask 022 && mkdir -p '$(DEST)$(dir $(COMMAND))'
	test -e '$(DEST)$(COMMAND)' || ln -sfn '$(PREFIX)/bin/radius-mfa' '$(DEST)$(COMMAND)'
	@printf '%s\n' '' 'Next:' '  systemd-sysusers radius-mfa.conf' '  systemd-tmpfiles --create radius-mfa.conf' \
	    '  systemctl daemon-reload' 'and then as docs/service.md says. After an upgrade: systemctl restart radius-mfa'

# A stack that names the PAM module lets nobody in without the server.
uninstall: | place
	@stacks=$$(cd '$(DEST)/' && grep -ls '^[^#]*pam_radius_mfa\.so' etc/pam.d/* usr/lib/pam.d/* etc/pam.conf); \
	if test -n "$$stacks"; then printf '%s\n' "error: a PAM stack asks the server, and nobody could log in there:" \
	    "$$stacks" 'hint: take pam_radius_mfa.so out of it first' >&2; exit 1; fi
	-if test -z '$(DEST)' && test -d /run/systemd/system; then systemctl disable --now $(UNITS); fi
	rm -rf '$(DEST)$(PREFIX)' '$(DEST)$(PREFIX).new' '$(DEST)$(PREFIX).old' '$(DEST)$(DOC)'
	rm -f $(FILES:%='$(DEST)%')
	if test "$$(readlink '$(DEST)$(COMMAND)')" = '$(PREFIX)/bin/radius-mfa'; then rm '$(DEST)$(COMMAND)'; fi
	if cmp -s systemd/logrotate '$(DEST)$(LOGROTATE)'; then rm '$(DEST)$(LOGROTATE)'; fi
	-if test -z '$(DEST)' && test -d /run/systemd/system; then systemctl daemon-reload; fi
	@cd '$(DEST)/' && ls -d etc/radius-mfa etc/systemd/system/radius-mfa*.d $(LOGROTATE:/%=%) var/lib/radius-mfa \
	    var/log/radius-mfa 2>/dev/null | sed 's#^#kept: /#'
	@cd '$(DEST)/' && sed -n 's#^\(radius-mfa\(-pam\)*\):.*#kept: user \1#p' etc/passwd 2>/dev/null || true

# PREFIX is replaced and removed as a whole: what lies there has to be ours.
place:
	@case '$(PREFIX)' in /*) ;; *) printf '%s\n' 'error: PREFIX is no absolute path' \
	    'hint: make $(MAKECMDGOALS) PREFIX=/opt/radius-mfa' >&2; exit 1;; esac
	@cd '$(DEST)$(PREFIX)' 2>/dev/null || exit 0; test -e pyvenv.cfg && test -e bin/radius-mfa || { printf '%s\n' \
	    'error: $(DEST)$(PREFIX) holds something else, and would be replaced as a whole' \
	    'hint: name a directory of its own: make $(MAKECMDGOALS) PREFIX=/opt/radius-mfa' >&2; exit 1; }

# The units hide these directories, and with them a Python that lives there.
seen: | python
	@home=$$($(PYTHON) -c 'import os, sys; print(os.path.realpath(sys.base_prefix))'); \
	case "$$home/" in /home/* | /root/* | /run/user/* | /tmp/* | /var/tmp/*) printf '%s\n' \
	    "error: the service cannot see a python in $$home" 'hint: make install PYTHON=/usr/bin/python3' >&2; exit 1;; esac

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { printf '%s\n' 'error: python 3.11 or newer is needed' 'hint: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { printf '%s\n' 'error: python has no venv module' 'hint: apt-get install python3-venv' >&2; exit 1; }

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .coverage
