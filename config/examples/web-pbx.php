<?php
// A login page for a web front end: name and password, then a code, and a device that is trusted is not asked for one.
// docs/web-pbx.md explains it. It needs HTTPS, PHP 8.0 or newer and dapphp/radius (Debian: php-dapphp-radius).

declare(strict_types=1);

use Dapphp\Radius\Radius;

require 'Dapphp/Radius/autoload.php'; // with Composer: require 'vendor/autoload.php';

// What to change.
const NAME = 'Example PBX';
const RADIUS_SERVER = '127.0.0.1';
const RADIUS_PORT = 1812;
const RADIUS_SECRET = '/etc/web-pbx/radius-secret'; // a file that the web server reads and never serves
const RADIUS_VENDOR = 32473; // mfa.trusted_devices.vendor
const TRUSTED_FOR = '7 days'; // mfa.trusted_devices.lifetime
const AFTER_LOGIN = ''; // '/pbx.php': where to go then; '' stays here

const DEVICE_TOKEN = 1, TRUST_DEVICE = 2, DEVICE_TOKEN_SET = 3, DEVICE_EXPIRES = 4;
const DEVICE_COOKIE = '__Host-device';
const REFUSED = 'Login failed';
const EXPIRED = 'This page was open for too long. Please try again.';

ini_set('display_errors', '0');
ini_set('zend.exception_ignore_args', '1'); // no password in a trace
session_name('pbx');
session_start(['use_strict_mode' => true, 'cookie_secure' => true, 'cookie_httponly' => true, 'cookie_samesite' => 'Lax']);
$_SESSION['csrf'] ??= bin2hex(random_bytes(16));

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $said = $_SESSION['said'] = hash_equals($_SESSION['csrf'], posted('csrf')) ? act() : EXPIRED;
    $done = isset($_SESSION['user']) && $said === '' ? AFTER_LOGIN : '';
    header('Location: ' . ($done ?: $_SERVER['SCRIPT_NAME']), true, 303); // so that reloading sends nothing twice
    exit;
}
show();

/** What the form says; an empty text for anything that is no text. */
function posted(string $field): string
{
    return is_string($_POST[$field] ?? null) ? $_POST[$field] : '';
}

/** Do what the form asks for; what the next page has to say. */
function act(): string
{
    $challenge = $_SESSION['challenge'] ?? null;
    unset($_SESSION['challenge']); // whatever comes of it: a State is good for one answer
    switch (posted('step')) {
        case 'password':
            // The server takes Alice for alice (accounts.case), so whoever is logged in is called alice.
            $_SESSION['name'] = strtolower(trim(posted('name')));
            return login($_SESSION['name'], posted('password'));
        case 'code':
            $code = preg_replace('/\s+/', '', posted('code'));
            return $challenge ? login($challenge['name'], $code, $challenge['state'], isset($_POST['trust'])) : EXPIRED;
        case 'logout':
            $_SESSION = [];
            session_regenerate_id(true);
    }
    return '';
}

/** One round with the server; `$state` is that of the challenge which `$typed` answers. */
function login(string $name, string $typed, ?string $state = null, bool $trust = false): string
{
    if ($name === '' || strlen($name) > 253 || $typed === '' || strlen($typed) > 128) {
        return REFUSED;
    }
    $radius = request($trust, $state === null ? device_token() : '');
    if ($radius->accessRequest($name, $typed, 0, $state)) {
        session_regenerate_id(true);
        $_SESSION = ['user' => $name, 'csrf' => bin2hex(random_bytes(16))];
        keep_device($radius);
        return message($radius);
    }
    // A reply counts only if nothing was wrong with it: dapphp also keeps the kind of a forged one.
    if ($radius->getErrorCode() === 0 && $radius->getResponsePacket() === Radius::TYPE_ACCESS_CHALLENGE) {
        $state = $radius->getReceivedAttribute(24);
        $_SESSION['challenge'] = ['name' => $name, 'state' => $state, 'text' => message($radius)];
        return '';
    }
    if ($radius->getResponsePacket() === Radius::TYPE_ACCESS_REJECT && $radius->getErrorMessage() === 'Access rejected') {
        return message($radius) ?: REFUSED;
    }
    error_log('RADIUS: ' . $radius->getLastError());
    return 'The login server does not answer. Please try again.';
}

/** A request that is signed, says where the user sits, and carries what there is to say of the device. */
function request(bool $trust, string $token): Radius
{
    $radius = new Radius(RADIUS_SERVER, secret(), '', 5, RADIUS_PORT);
    $radius->setRequestAuthenticator(random_bytes(16)); // dapphp makes a weak one; and a token is hidden under it
    $radius->setIncludeMessageAuthenticator();
    $radius->setAttribute(31, $_SERVER['REMOTE_ADDR'])->setAttribute(32, 'web'); // Calling-Station-Id, NAS-Identifier
    if ($token !== '') {
        $hidden = hide($token, $radius->getRequestAuthenticator());
        $radius->setVendorSpecificAttribute(RADIUS_VENDOR, DEVICE_TOKEN, $hidden);
    }
    if ($trust) {
        $radius->setVendorSpecificAttribute(RADIUS_VENDOR, TRUST_DEVICE, pack('N', 1));
    }
    return $radius;
}

/** The token this browser was given, or an empty text. */
function device_token(): string
{
    $cookie = $_COOKIE[DEVICE_COOKIE] ?? '';
    return is_string($cookie) && preg_match('/^([0-9a-f]{2}){1,64}$/D', $cookie) ? hex2bin($cookie) : '';
}

/** Give the browser the token that came with this Accept, if one did: another one after every use. */
function keep_device(Radius $radius): void
{
    $ours = [];
    foreach ($radius->getReceivedAttributes() ?? [] as [$type, $value]) {
        foreach ($type === 26 ? $radius->decodeVendorSpecificContent($value) : [] as [$vendor, $kind, $content]) {
            $ours[$vendor][$kind] = $content;
        }
    }
    $ours = $ours[RADIUS_VENDOR] ?? [];
    if (isset($ours[DEVICE_TOKEN_SET], $ours[DEVICE_EXPIRES])) {
        setcookie(DEVICE_COOKIE, bin2hex(reveal($ours[DEVICE_TOKEN_SET], $radius->getRequestAuthenticator())), [
            'expires' => unpack('N', $ours[DEVICE_EXPIRES])[1],
            'path' => '/',
            'secure' => true,
            'httponly' => true,
            'samesite' => 'Strict',
        ]);
    }
}

/** A token as it crosses the network: RFC 2868 section 3.5, without a tag. */
function hide(string $token, string $authenticator): string
{
    $hidden = random_bytes(2) | "\x80\x00";
    $before = $authenticator . $hidden;
    foreach (str_split(chr(strlen($token)) . $token, 16) as $block) {
        $before = str_pad($block, 16, "\0") ^ md5(secret() . $before, true);
        $hidden .= $before;
    }
    return $hidden;
}

/** And back. */
function reveal(string $hidden, string $authenticator): string
{
    $clear = '';
    $before = $authenticator . substr($hidden, 0, 2);
    foreach (str_split(substr($hidden, 2), 16) as $block) {
        $clear .= $block ^ md5(secret() . $before, true);
        $before = $block;
    }
    return substr($clear, 1, ord($clear));
}

function secret(): string
{
    return trim((string) file_get_contents(RADIUS_SECRET)) ?: throw new RuntimeException('no shared secret');
}

/** What the server says to the user (Reply-Message). */
function message(Radius $radius): string
{
    return trim((string) $radius->getReceivedAttribute(18));
}

function html(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/** Show where the user stands: logged in, to be asked for a code, or to be asked for name and password. */
function show(): void
{
    $said = html($_SESSION['said'] ?? '');
    unset($_SESSION['said']);
    if (isset($_SESSION['user'])) {
        page('Logged in', home($said));
    } elseif (isset($_SESSION['challenge'])) {
        page('Code', code_form($_SESSION['challenge']['text'] ?: 'Code'));
    } else {
        page('Log in', password_form($said));
    }
}

function form(string $step, string $fields): string
{
    return <<<HTML
        <form method="post">
        <input type="hidden" name="step" value="$step">
        <input type="hidden" name="csrf" value="{$_SESSION['csrf']}">
        $fields
        </form>
        HTML;
}

function password_form(string $said): string
{
    $alert = $said === '' ? '' : "<p class=\"alert\" role=\"alert\">$said</p>";
    $name = html($_SESSION['name'] ?? '');
    [$first, $second] = $name === '' ? ['autofocus', ''] : ['', 'autofocus'];
    return $alert . form('password', <<<HTML
        <label for="name">User name</label>
        <input id="name" name="name" value="$name" required maxlength="253" autocomplete="username"
          autocapitalize="none" autocorrect="off" spellcheck="false" $first>
        <label for="password">Password</label>
        <input id="password" name="password" type="password" required maxlength="128"
          autocomplete="current-password" $second>
        <button>Log in</button>
        HTML);
}

function code_form(string $text): string
{
    $label = html(rtrim($text, ': '));
    $period = TRUSTED_FOR;
    $mode = 'inputmode="numeric"';
    $more = <<<HTML
        <label class="check"><input type="checkbox" name="trust" value="1">
          <span>I trust this device. Don't ask for codes for $period</span></label>
        HTML;
    $other = '<a href="?letters">Type letters, such as a recovery code</a>';
    if (isset($_GET['letters'])) { // the keyboard of a phone then has them; with a recovery code no device is trusted
        $mode = 'inputmode="text" autocapitalize="none"';
        $more = '<p class="hint">Or one of your recovery codes, such as abcd-efgh-ijkl-mnop</p>';
        $other = '<a href="?">Back to digits</a>';
    }
    return form('code', <<<HTML
        <label for="code">$label</label>
        <input id="code" name="code" required maxlength="64" $mode autocomplete="one-time-code" spellcheck="false"
          autofocus>
        $more
        <button>Continue</button>
        HTML) . "<p class=\"other\">$other</p>" . form('back', '<button class="plain">Start again</button>');
}

/** Your own page takes this place, or AFTER_LOGIN names it. */
function home(string $said): string
{
    $user = html($_SESSION['user']);
    $status = $said === '' ? '' : "<p class=\"status\" role=\"status\">$said</p>";
    $on = AFTER_LOGIN === '' ? '' : '<p><a class="button" href="' . html(AFTER_LOGIN) . '">Continue</a></p>';
    return "<p>You are logged in as <strong>$user</strong>.</p>$status$on"
        . form('logout', '<button' . ($on === '' ? '' : ' class="plain"') . '>Log out</button>');
}

function page(string $title, string $content): void
{
    $nonce = base64_encode(random_bytes(16));
    header("Content-Security-Policy: default-src 'none'; style-src 'nonce-$nonce'; form-action 'self'; "
        . "base-uri 'none'; frame-ancestors 'none'");
    header('Cache-Control: no-store');
    header('Referrer-Policy: no-referrer');
    header('X-Content-Type-Options: nosniff');
    $name = html(NAME);
    $style = style();
    echo <<<HTML
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>$title - $name</title>
        <style nonce="$nonce">$style</style>
        <main>
        <h1>$name</h1>
        $content
        </main>
        </html>

        HTML;
}

function style(): string
{
    return <<<'CSS'
        :root { color-scheme: light dark; --back: #eef1f5; --card: #fff; --text: #1b222b; --soft: #57616d;
          --line: #8b95a1; --act: #1a5fb4; --on-act: #fff; --bad: #a51d2d; --bad-back: #fdecee; --good-back: #e6f4ea; }
        @media (prefers-color-scheme: dark) { :root { --back: #12161b; --card: #1d232a; --text: #e8ecf1;
          --soft: #a8b2bd; --line: #76818d; --act: #8ab8f5; --on-act: #0d1b2c; --bad: #ffb3ba; --bad-back: #42191f;
          --good-back: #17351f; } }
        * { box-sizing: border-box; }
        body { margin: 0; padding: 1rem; background: var(--back); color: var(--text);
          font: 1rem/1.5 system-ui, sans-serif; }
        main { max-width: 25rem; margin: 12vh auto 0; padding: 2rem; background: var(--card); border-radius: .75rem;
          box-shadow: 0 1px 3px #0003; overflow-wrap: anywhere; }
        h1 { margin: 0 0 1.25rem; font-size: 1.375rem; line-height: 1.3; }
        label { display: block; margin: 1rem 0 .375rem; font-weight: 600; }
        input, button { font: inherit; color: inherit; }
        input:not([type=checkbox]) { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; background: var(--card);
          border: 1px solid var(--line); border-radius: .5rem; }
        #code { font-size: 1.25rem; letter-spacing: .1em; font-variant-numeric: tabular-nums; }
        .check { display: flex; gap: .625rem; align-items: flex-start; font-weight: 400; }
        .check input { flex: none; width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--act); }
        button, .button { display: block; width: 100%; min-height: 2.75rem; margin-top: 1.25rem; padding: .625rem;
          border: 0; border-radius: .5rem; background: var(--act); color: var(--on-act); font-weight: 600;
          text-align: center; text-decoration: none; cursor: pointer; }
        button.plain { margin-top: 0; background: none; color: var(--soft); font-weight: 400; }
        a { color: var(--act); }
        :focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
        p { margin: 0 0 1rem; }
        .hint { margin: .5rem 0 0; color: var(--soft); }
        .other { margin: 1.25rem 0 .25rem; text-align: center; }
        .alert, .status { padding: .625rem .75rem; border-radius: .5rem; background: var(--good-back); }
        .alert { background: var(--bad-back); color: var(--bad); }
        @media (max-width: 30rem) { main { margin-top: 0; padding: 1.5rem; } }
        CSS;
}
