/* radload: asks a RADIUS server as fast as it answers (RFC 2865, RFC 2866, RFC 2548, RFC 3579).
 *
 *   radload -m pap|chap|mschapv2|acct -p PORT -u USERS -d SECONDS
 *           [-H HOST] [-s SECRET] [-w WINDOW] [-n SOCKETS] [-t TIMEOUT_MS] [-r TRIES] [-i INTERIMS]
 *
 * There are WINDOW lanes; each has one request under way, waits for its answer, and sends the next. In acct a lane
 * lives one session after the other (Start, INTERIMS Interim-Updates, Stop), so that a session's packets keep their
 * order. An unanswered request is sent again, byte for byte, every TIMEOUT_MS and TRIES times in all. A lane belongs
 * to one of SOCKETS sockets: their ports are what SO_REUSEPORT spreads over the processes of a server.
 *
 * USERS holds a user a line: NAME PASSWORD [CHALLENGE_HEX RESPONSE_HEX], the last two for mschapv2.
 * An answer counts only if its Response Authenticator fits. After SECONDS nothing new is begun, and what is under
 * way is waited for; rates count what was answered within SECONDS. Prints one JSON object. Exit: 0 all was
 * answered, 1 something was lost or wrong, 2 usage.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { PAP, CHAP, MSCHAPV2, ACCT };
enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE };
enum { START = 1, STOP = 2, INTERIM = 3 };

struct user { char name[64], password[64]; uint8_t challenge[16], response[50]; };
struct lane {
    int socket, user, step, tries, busy;
    long session;
    uint8_t packet[512];
    int length;
    double first, last;
};
struct port { int fd; uint8_t next; struct lane *of[256]; };

static enum mode mode = PAP;
static const char *secret = "testing123";
static size_t secret_length;
static struct user *users;
static long user_count, next_user, next_session;
static int interims = 2;
static unsigned run;

static EVP_MD_CTX *scratch, *inner, *outer;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *words) {
    fprintf(stderr, "radload: %s\n", words);
    exit(2);
}

static void md5(uint8_t out[16], const void *a, size_t a_length, const void *b, size_t b_length) {
    EVP_DigestInit_ex(scratch, EVP_md5(), NULL);
    EVP_DigestUpdate(scratch, a, a_length);
    EVP_DigestUpdate(scratch, b, b_length);
    EVP_DigestFinal_ex(scratch, out, NULL);
}

static void hmac_set_up(void) {
    uint8_t pad[64];
    EVP_MD_CTX *halves[2] = { inner = EVP_MD_CTX_new(), outer = EVP_MD_CTX_new() };
    for (int half = 0; half < 2; half++) {
        memset(pad, half ? 0x5c : 0x36, sizeof pad);
        for (size_t i = 0; i < secret_length; i++) pad[i] ^= secret[i];
        EVP_DigestInit_ex(halves[half], EVP_md5(), NULL);
        EVP_DigestUpdate(halves[half], pad, sizeof pad);
    }
}

static void hmac(uint8_t out[16], const void *data, size_t length) {
    uint8_t digest[16];
    EVP_MD_CTX_copy_ex(scratch, inner);
    EVP_DigestUpdate(scratch, data, length);
    EVP_DigestFinal_ex(scratch, digest, NULL);
    EVP_MD_CTX_copy_ex(scratch, outer);
    EVP_DigestUpdate(scratch, digest, sizeof digest);
    EVP_DigestFinal_ex(scratch, out, NULL);
}

/* splitmix64: authenticators must differ, nobody has to be unable to guess them here */
static uint64_t state;
static uint64_t random64(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint8_t *put(uint8_t *at, int type, const void *value, size_t length) {
    at[0] = type;
    at[1] = length + 2;
    memcpy(at + 2, value, length);
    return at + length + 2;
}

static uint8_t *put_text(uint8_t *at, int type, const char *text) { return put(at, type, text, strlen(text)); }

static uint8_t *put_number(uint8_t *at, int type, uint32_t number) {
    number = htonl(number);
    return put(at, type, &number, 4);
}

static uint8_t *put_microsoft(uint8_t *at, int type, const void *value, size_t length) {
    uint8_t wrapped[256] = { 0, 0, 1, 55, type, length + 2 };
    memcpy(wrapped + 6, value, length);
    return put(at, 26, wrapped, length + 6);
}

static void close_packet(struct lane *lane, const uint8_t *end) {
    lane->length = end - lane->packet;
    lane->packet[2] = lane->length >> 8;
    lane->packet[3] = lane->length;
}

static uint8_t *put_password(uint8_t *at, const char *password, const uint8_t *authenticator) {
    uint8_t hidden[64] = { 0 }, key[16];
    const uint8_t *previous = authenticator;
    size_t length = strlen(password), whole = length ? (length + 15) / 16 * 16 : 16;
    memcpy(hidden, password, length);
    for (size_t block = 0; block < whole; block += 16) {
        md5(key, secret, secret_length, previous, 16);
        for (int i = 0; i < 16; i++) hidden[block + i] ^= key[i];
        previous = hidden + block;
    }
    return put(at, 2, hidden, whole);
}

static void build_access(struct lane *lane, uint8_t id) {
    struct user *user = &users[lane->user = next_user++ % user_count];
    uint8_t *head = lane->packet, *at = head + 20, *signature, answer[17], seed[80];
    uint64_t authenticator[2] = { random64(), random64() };
    head[0] = ACCESS_REQUEST;
    head[1] = id;
    memcpy(head + 4, authenticator, 16);
    signature = at + 2;
    at = put(at, 80, (uint8_t[16]) { 0 }, 16);
    at = put_text(at, 1, user->name);
    at = put_number(at, 6, 2);                       /* Service-Type Framed, Framed-Protocol PPP */
    at = put_number(at, 7, 1);
    at = put_number(at, 4, 0x7f000001);
    at = put_number(at, 5, lane->user % 60000);
    at = put_number(at, 61, 5);
    at = put_text(at, 31, "198.51.100.7");
    if (mode == PAP) {
        at = put_password(at, user->password, head + 4);
    } else if (mode == CHAP) {                       /* the authenticator is the challenge (RFC 2865 5.3) */
        answer[0] = seed[0] = id;
        memcpy(seed + 1, user->password, strlen(user->password));
        md5(answer + 1, seed, strlen(user->password) + 1, head + 4, 16);
        at = put(at, 3, answer, 17);
    } else {
        at = put_microsoft(at, 11, user->challenge, 16);
        at = put_microsoft(at, 25, user->response, 50);
    }
    close_packet(lane, at);
    hmac(signature, head, lane->length);
}

static void build_accounting(struct lane *lane, uint8_t id) {
    uint8_t *head = lane->packet, *at = head + 20;
    char text[32];
    int last = interims + 1, status = lane->step == 0 ? START : lane->step == last ? STOP : INTERIM;
    if (status == START) {
        lane->session = next_session++;
        lane->user = lane->session % user_count;
    }
    head[0] = ACCOUNTING_REQUEST;
    head[1] = id;
    memset(head + 4, 0, 16);
    at = put_number(at, 40, status);
    snprintf(text, sizeof text, "%06x-%08lx", run, lane->session);
    at = put_text(at, 44, text);
    at = put_text(at, 1, users[lane->user].name);
    at = put_number(at, 6, 2);
    at = put_number(at, 7, 1);
    at = put_number(at, 45, 1);
    at = put_number(at, 4, 0x7f000001);
    at = put_number(at, 5, lane->session % 60000);
    at = put_number(at, 61, 5);
    at = put_number(at, 8, 0x0a000000 + (uint32_t)(lane->session & 0xffffff));
    at = put_text(at, 31, "198.51.100.7");
    if (status != START) {
        at = put_number(at, 46, lane->step * 300);
        at = put_number(at, 42, lane->step * 12345678);
        at = put_number(at, 43, lane->step * 87654321);
        at = put_number(at, 47, lane->step * 12345);
        at = put_number(at, 48, lane->step * 54321);
        at = put_number(at, 52, 0);
        at = put_number(at, 53, 1);
    }
    if (status == STOP) at = put_number(at, 49, 1);
    at = put_number(at, 41, 0);
    close_packet(lane, at);
    md5(head + 4, head, lane->length, secret, secret_length);
}

static void send_lane(struct port *ports, struct lane *lane, double at) {
    lane->last = at;
    lane->tries++;
    send(ports[lane->socket].fd, lane->packet, lane->length, 0);
}

static void begin(struct port *ports, struct lane *lane) {
    struct port *port = &ports[lane->socket];
    while (port->of[port->next]) port->next++;
    uint8_t id = port->next++;
    port->of[id] = lane;
    if (mode == ACCT) build_accounting(lane, id);
    else build_access(lane, id);
    lane->busy = 1;
    lane->tries = 0;
    lane->first = now();
    send_lane(ports, lane, lane->first);
}

static void end(struct port *ports, struct lane *lane) {
    ports[lane->socket].of[lane->packet[1]] = NULL;
    lane->busy = 0;
}

static int hex(const char *text, uint8_t *out, int length) {
    for (int i = 0; i < length; i++) {
        unsigned octet;
        if (sscanf(text + 2 * i, "%2x", &octet) != 1) return 0;
        out[i] = octet;
    }
    return 1;
}

static void read_users(const char *path) {
    char line[512], challenge[64], response[128];
    long room = 0;
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) die("the file of users (-u) cannot be read");
    while (fgets(line, sizeof line, file)) {
        if (user_count == room && !(users = realloc(users, (room = room * 2 + 1024) * sizeof *users))) die("no memory");
        struct user *user = &users[user_count];
        int fields = sscanf(line, "%63s %63s %63s %127s", user->name, user->password, challenge, response);
        if (fields < 2) continue;
        if (mode == MSCHAPV2 && (fields < 4 || !hex(challenge, user->challenge, 16) || !hex(response, user->response, 50)))
            die("a user without a response for mschapv2");
        user_count++;
    }
    fclose(file);
    if (!user_count) die("there are no users");
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    const char *host = "127.0.0.1", *path = NULL, *names[] = { "pap", "chap", "mschapv2", "acct" }, *name = "pap";
    int option, udp_port = 1812, window = 64, sockets = 32, tries = 5;
    double seconds = 5, timeout = 1;
    while ((option = getopt(argc, argv, "m:p:u:d:H:s:w:n:t:r:i:")) != -1) switch (option) {
        case 'm': name = optarg; break;
        case 'p': udp_port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'd': seconds = atof(optarg); break;
        case 'H': host = optarg; break;
        case 's': secret = optarg; break;
        case 'w': window = atoi(optarg); break;
        case 'n': sockets = atoi(optarg); break;
        case 't': timeout = atof(optarg) / 1000; break;
        case 'r': tries = atoi(optarg); break;
        case 'i': interims = atoi(optarg); break;
        default: return 2;
    }
    int known = 0;
    for (int i = 0; i < 4; i++) if (!strcmp(name, names[i])) mode = i, known = 1;
    if (!known) die("-m takes pap, chap, mschapv2 or acct");
    secret_length = strlen(secret);
    if (secret_length > 64) die("the secret is longer than 64 octets");
    if (window < 1 || sockets < 1 || window > sockets * 200) die("-w must be between 1 and 200 times -n");
    scratch = EVP_MD_CTX_new();
    hmac_set_up();
    read_users(path);
    state = (uint64_t)time(NULL) << 32 ^ (uint64_t)getpid();
    run = random64() & 0xffffff;
    next_user = random64() % user_count;

    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(udp_port) };
    if (inet_pton(AF_INET, host, &server.sin_addr) != 1) die("-H takes an IPv4 address");
    struct port *ports = calloc(sockets, sizeof *ports);
    struct lane *lanes = calloc(window, sizeof *lanes);
    int poll = epoll_create1(0);
    for (int i = 0; i < sockets; i++) {
        ports[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (connect(ports[i].fd, (struct sockaddr *)&server, sizeof server)) die("no socket");
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
        epoll_ctl(poll, EPOLL_CTL_ADD, ports[i].fd, &event);
    }

    long ok = 0, rejected = 0, other = 0, bad = 0, lost = 0, resent = 0, timely = 0, stops = 0, samples = 0, room = 1 << 20;
    double *latency = malloc(room * sizeof *latency), began = now(), finish = began + seconds, looked = began;
    int busy = window;
    for (int i = 0; i < window; i++) {
        lanes[i].socket = i % sockets;
        begin(ports, &lanes[i]);
    }
    while (busy) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 20);
        for (int k = 0; k < ready; k++) {
            struct port *port = &ports[events[k].data.u32];
            uint8_t reply[4096], theirs[16], ours[16];
            ssize_t length;
            while ((length = recv(port->fd, reply, sizeof reply, 0)) >= 20) {
                struct lane *lane = port->of[reply[1]];
                if (!lane) continue;                 /* the answer to a request that was answered before */
                memcpy(theirs, reply + 4, 16);
                memcpy(reply + 4, lane->packet + 4, 16);
                md5(ours, reply, length, secret, secret_length);
                if (memcmp(ours, theirs, 16)) { bad++; continue; }
                double at = now();
                if (reply[0] == (mode == ACCT ? ACCOUNTING_RESPONSE : ACCESS_ACCEPT)) ok++;
                else if (reply[0] == ACCESS_REJECT) rejected++;
                else other++;
                timely += at <= finish;
                if (samples == room && !(latency = realloc(latency, (room *= 2) * sizeof *latency))) die("no memory");
                latency[samples++] = at - lane->first;
                end(ports, lane);
                if (mode == ACCT) {
                    stops += lane->step == interims + 1;
                    lane->step = (lane->step + 1) % (interims + 2);
                }
                if (at < finish) begin(ports, lane);
                else busy--;
            }
        }
        double at = now();
        if (at - looked < 0.05) continue;
        looked = at;
        for (int i = 0; i < window; i++) {
            struct lane *lane = &lanes[i];
            if (!lane->busy || at - lane->last < timeout) continue;
            if (lane->tries < tries) { resent++; send_lane(ports, lane, at); continue; }
            lost++;
            end(ports, lane);
            lane->step = 0;
            if (at < finish) begin(ports, lane);
            else busy--;
        }
    }
    qsort(latency, samples, sizeof *latency, by_value);
#define AT(share) (samples ? latency[(long)((samples - 1) * (share))] * 1000 : 0.0)
    printf("{\"mode\": \"%s\", \"seconds\": %.3f, \"rate\": %.1f, \"ok\": %ld, \"rejected\": %ld, \"other\": %ld, \"bad\": %ld,"
           " \"lost\": %ld, \"resent\": %ld, \"sessions\": %ld, \"stops\": %ld,"
           " \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}\n",
           name, seconds, timely / seconds, ok, rejected, other, bad, lost, resent, next_session, stops,
           AT(.5), AT(.99), AT(.999), AT(1));
    return lost || bad || other ? 1 : 0;
}
