"""Looks at the status page in a headless Chromium: python3 look.py ADDRESS DIRECTORY NAME [WORDS...]

Takes screenshots NAME-THEME-WIDTH.png into DIRECTORY, in both themes, at the width of a desk and of a phone, and fails
when the browser complains, asks for anything from elsewhere, has to scroll sideways, does not show the WORDS, or does
not renew the page by itself. Talks to the browser over its debugging pipe.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe"]
LIMIT_S = 60


class Browser:
    def __init__(self, profile):
        to_read, self.out = os.pipe()
        self.into, to_write = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        shell = 'exec 3<&%d 4>&%d; exec "$@"' % (to_read, to_write)
        self.process = subprocess.Popen(["bash", "-c", shell, "bash", "chromium", *FLAGS, "--user-data-dir=" + profile, "about:blank"],
                                        pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.last, self.rest, self.events, self.session = 0, b"", [], None

    def receive(self):
        while b"\0" not in self.rest:
            more = os.read(self.into, 1 << 20)
            if not more:
                raise SystemExit("look: the browser ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise SystemExit("look: %s: %s" % (method, answer["error"]["message"]))
                return answer["result"]
            self.events.append(answer)

    def until(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def attach(self):
        target = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"][0]
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def open(self, address, theme, width):
        self.events = []
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Page.navigate", url=address)
        self.until("Page.loadEventFired")

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(LIMIT_S)


def problems(browser, address, words):
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            yield "an exception: " + params["exceptionDetails"]["text"]
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            yield "the console says: " + json.dumps(params["args"])
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            yield "the log says: " + params["entry"]["text"]
        if method == "Network.requestWillBeSent" and not params["request"]["url"].startswith((address, "data:")):
            yield "it asks for " + params["request"]["url"]
    if browser.evaluate("document.documentElement.scrollWidth > innerWidth"):
        yield "it is wider than the window"
    text = browser.evaluate("document.body.textContent")
    for word in words:
        if word not in text:
            yield "it does not say '%s'" % word


def shoot(browser, path):
    height = browser.evaluate("document.documentElement.scrollHeight")
    width = browser.evaluate("innerWidth")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, 8000), "scale": 1}
    image = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
    with open(path, "wb") as file:
        file.write(base64.b64decode(image))


def renews(browser):
    browser.evaluate("document.querySelector('main').setAttribute('data-seen', '1')")
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if browser.evaluate("!document.querySelector('main').hasAttribute('data-seen')"):
            return True
        time.sleep(0.5)
    return False


def main():
    address, directory, name, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    found = []
    profile = tempfile.mkdtemp()
    browser = Browser(profile)
    try:
        browser.attach()
        for theme in ("light", "dark"):
            for width in (1180, 390):
                browser.open(address, theme, width)
                shoot(browser, os.path.join(directory, "%s-%s-%d.png" % (name, theme, width)))
                found += ["%s, %d wide: %s" % (theme, width, problem) for problem in problems(browser, address, words)]
        if not renews(browser):
            found.append("it does not renew itself")
        found += ["renewed: " + problem for problem in problems(browser, address, words)]
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(address, "light", 1180)
        found += ["without JavaScript: " + problem for problem in problems(browser, address, words)]
        browser.close()
    finally:
        browser.process.kill()
        browser.process.wait()
        shutil.rmtree(profile, ignore_errors=True)
    for problem in found:
        print("%-10s %s" % (name, problem))
    if not found:
        print("%-10s fine" % name)
    sys.exit(1 if found else 0)


main()
