// Bad input, records and store folders, through the real file store: what cannot be read is reported, never trusted, and stays
// where it is until the next token replaces it; where nothing can be written the session goes on in memory, and what is stored stays.
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <random>

#include "bad_input.hpp"
#include "capi/visitor.hpp"
#include "support/run_program.hpp"
#include "support/temp_dir.hpp"

#if defined(__linux__)
namespace {
std::atomic<bool> has_instances{true};
}
// In place of the C library's: a user may have no instance left.
extern "C" [[gnu::visibility("default")]] int inotify_init1(int flags) noexcept {
    if (has_instances) return static_cast<int>(::syscall(SYS_inotify_init1, flags));
    errno = EMFILE;
    return -1;
}
#endif

namespace {

using namespace portal::test;

// SHA-256 of "default" and of "other".
const std::string record_name = "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f";

// A folder in which a session has left "old-token".
struct StoredToken {
    const TempDir folder;
    const std::string store = folder.file("store");
    const std::string path = store + "/" + record_name;

    StoredToken() { save("default", "old-token"); }
    void save(const std::string& name, const std::string& token) const {
        FileStoreRig rig(store);
        rig.options.name = text_of(name);
        rig.provide(token);
        rig.open();
        REQUIRE(rig.acquire() == token);
    }
    // The record's bytes are replaced by these, and a process comes to read them. (Most rows end there: what follows costs
    // a dozen waits for the disk.)
    void expect_lost(const std::string& bytes) const {
        write_bytes(path, bytes);
        expect_lost();
    }
    void expect_lost() const {
        FileStoreRig rig(store);
        rig.open();
        check_lost(rig);
    }
    void check_lost(SessionRig& rig, portal_reason reason = PORTAL_REASON_STORAGE_LOST) const {
        rig.settle();
        CHECK(rig.read() == PORTAL_ERR_NO_TOKEN);
        CHECK(rig.status().state == PORTAL_STATE_NONE);
        // The key's check value is not authenticated, so damage to it looks like another key.
        const portal_reason seen = rig.status().reason;
        CHECK((seen == reason || (reason == PORTAL_REASON_STORAGE_LOST && seen == PORTAL_REASON_WRONG_KEY)));
        CHECK(rig.status().store == PORTAL_STORE_LOST);
        CHECK(::access(path.c_str(), F_OK) == 0);  // a load never moves it
        CHECK(::access((path + ".lost.1").c_str(), F_OK) != 0);
    }
    void expect_replaced() const {
        FileStoreRig rig(store);
        rig.open();
        check_lost(rig);
        Outcome outcome;
        rig.start(outcome);
        const std::uint64_t id = rig.ask(1);  // the old one is not trusted
        const portal_token_input input = input_of("new-token");
        CHECK(portal_request_fulfil(id, &input, nullptr) == PORTAL_OK);
        CHECK(outcome.code() == PORTAL_OK);
        CHECK(outcome.state.get().lease.flags == 0);
        rig.settle();
        CHECK(rig.status().store == PORTAL_STORE_PERSISTENT);
        rig.close();
        rig.open();
        CHECK(rig.acquire() == "new-token");
        CHECK(rig.asks.get().size() == 1);
    }
    // A process comes and finds all as it was.
    void expect_kept() const {
        FileStoreRig rig(store);
        rig.open();
        CHECK(rig.acquire() == "old-token");
        CHECK(rig.asks.get().empty());
    }
};

TEST_CASE("Bad record: one cut at any length is lost, reported, and quarantined by the save of the next token") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const std::string bytes = file_bytes(stored.path);
    REQUIRE(bytes.size() > 200);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        stored.expect_lost(bytes.substr(0, size));
    }
    stored.expect_lost(bytes + '\0');
    write_bytes(stored.path, bytes.substr(0, bytes.size() / 2));
    stored.expect_replaced();
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(stored.store))
        names.insert(entry.path().filename().string());
    CHECK(names ==
          std::set<std::string>{record_name, record_name + ".claim", record_name + ".lock", record_name + ".lost.1"});
}

TEST_CASE("Bad record: a 401 for a token that was lost ends no token of a later process, though no process between had one") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    auto old_lease = made<portal_lease>();
    {
        FileStoreRig rig(stored.store);
        rig.open();
        REQUIRE(rig.acquire() == "old-token");
        REQUIRE(rig.read(&old_lease) == PORTAL_OK);
    }
    stored.expect_lost("damaged");
    FileStoreRig rig(stored.store);
    rig.provide("new-token");
    rig.open();
    CHECK(rig.acquire() == "new-token");
    CHECK(rig.status().reason == PORTAL_REASON_NONE);
    CHECK(rig.asks.get().size() == 1);
    CHECK(portal_lease_report(rig.session, &old_lease, 401, nullptr, nullptr) == PORTAL_ERR_STALE);
    rig.settle();
    CHECK(rig.acquire() == "new-token");
    CHECK(rig.asks.get().size() == 1);
}

TEST_CASE("Bad record: another session's, zeros, random bytes and a flipped bit are lost alike") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const std::string good = file_bytes(stored.path);
    stored.save("other", "old-token");
    for (const auto& entry : std::filesystem::directory_iterator(stored.store)) {
        const std::string name = entry.path().filename().string();
        if (name.size() == 64 && name != record_name) stored.expect_lost(file_bytes(entry.path().string()));
    }
    for (const std::size_t size : {std::size_t{1}, std::size_t{28}, good.size(), std::size_t{8192}, std::size_t{1} << 20})
        stored.expect_lost(std::string(size, '\0'));
    std::mt19937_64 random(20260101);
    for (int i = 0; i < 20; ++i) {
        std::string bytes(random() % 9000, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random());
        stored.expect_lost(bytes);
        stored.expect_lost(good.substr(0, 28) + bytes);
    }
    for (int i = 0; i < 40; ++i) {
        std::string flipped = good;
        const std::size_t bit = (8 + random() % (good.size() - 8)) * 8 + random() % 8;  // behind the format
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        stored.expect_lost(flipped);
    }
}

TEST_CASE("Bad record: one of another key stays, says so, and opens again with its own") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    {
        FileStoreRig rig(stored.store);
        rig.key.assign(32, 'o');
        rig.open();
        stored.check_lost(rig, PORTAL_REASON_WRONG_KEY);
    }
    stored.expect_kept();
}

TEST_CASE("Bad record: one of another Portal gives no token there, says why, and stays for its own") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    {
        FileStoreRig rig(stored.store);
        rig.options.portal_url = text_of("https://portal.example");
        rig.open();
        rig.settle();
        CHECK(rig.read() == PORTAL_ERR_NO_TOKEN);
        CHECK(rig.status().state == PORTAL_STATE_NONE);
        CHECK(rig.status().reason == PORTAL_REASON_OTHER_ORIGIN);
    }
    stored.expect_kept();
}

TEST_CASE("Bad record: one of a newer version is left untouched, whatever token comes, and a logout erases it") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const std::string newer = std::string(file_bytes(stored.path)).replace(6, 1, std::string("\x03", 1));
    write_bytes(stored.path, newer);
    FileStoreRig rig(stored.store);
    rig.provide("new-token");
    rig.open();
    rig.settle();
    CHECK(rig.status().reason == PORTAL_REASON_OTHER_VERSION);
    CHECK(rig.acquire() == "new-token");
    rig.settle();
    CHECK(rig.status().store == PORTAL_STORE_MEMORY_ONLY);
    CHECK(file_bytes(stored.path) == newer);
    Outcome cleared;
    const portal_done done = cleared.done();
    REQUIRE(portal_session_clear(rig.session, &done, nullptr) == PORTAL_OK);
    CHECK(cleared.code() == PORTAL_OK);
    CHECK(file_bytes(stored.path) != newer);
    rig.close();
    rig.open();
    rig.settle();
    CHECK(rig.status().state == PORTAL_STATE_SIGNED_OUT);
}

TEST_CASE("Bad record: one of 1 GB is lost without being read") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    for (const bool starts_well : {true, false}) {
        if (!starts_well) write_bytes(stored.path, "");
        rusage before{};
        ::getrusage(RUSAGE_SELF, &before);
        REQUIRE(::truncate(stored.path.c_str(), 1L << 30) == 0);  // sparse: it takes no room
        stored.expect_lost();
        rusage after{};
        ::getrusage(RUSAGE_SELF, &after);
#if defined(__linux__)
        CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);  // kilobytes
#endif
    }
}

TEST_CASE("Bad record: a key of another size opens nothing, costs no record, and the session goes on in memory") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    for (const std::size_t size : {0, 1, 31, 33, 64}) {
        CAPTURE(size);
        FileStoreRig rig(stored.store);
        rig.key.assign(size, 'k');
        rig.provide("new-token");
        rig.open();
        Outcome outcome;
        rig.start(outcome);
        CHECK(outcome.code() == PORTAL_OK);
        CHECK(outcome.state.get().lease.flags == PORTAL_LEASE_MEMORY_ONLY);
        CHECK(rig.status().store == PORTAL_STORE_MEMORY_ONLY);
    }
    stored.expect_kept();

    struct Told {
        portal_code code = PORTAL_OK;
        portal_error error = made<portal_error>();
        Gate gate;
    } told;
    SessionRig rig;
    rig.options.directory = text_of(stored.store);
    rig.options.key = {[](void* me, std::uint64_t id, portal_text) {
                           auto& seen = *static_cast<Told*>(me);
                           seen.code = portal_key_loaded(id, PORTAL_FOUND, {"too short", 9}, &seen.error);
                           seen.gate.open();
                       },
                       nullptr, &told, nullptr};
    rig.open();
    REQUIRE(told.gate.wait());
    CHECK(told.code == PORTAL_ERR_INVALID_ARGUMENT);
    check_told(told.error.message, "key does not have 32 bytes");
}

// ---- folders ----

// A process's whole visit: a token, one more by push, and a logout if wanted. As that user; 0: this one.
int visit(const std::string& store, bool log_out, uid_t user = 0, const char* disk = "room") {
    return Running({VISITOR_PROGRAM, "visit", store, std::to_string(user), disk, log_out ? "log_out" : "stay"}, {}, "")
        .end()
        .exit_code;
}

bool is_root() { return ::getuid() == 0; }
constexpr uid_t somebody = 1'900'000'001;

TEST_CASE("Bad folder: a missing one is made, each level for its owner alone") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const TempDir folder;
    const std::string deep = folder.file("a") + "/b/c";
    CHECK(visit(deep, false) == token_served);
    struct stat found{};
    for (const char* level : {"/a", "/a/b", "/a/b/c"}) {
        REQUIRE(::stat((folder.path() + level).c_str(), &found) == 0);
        CHECK((found.st_mode & 0777) == 0700);
    }
}

TEST_CASE("Bad folder: a file, or a link to nothing, in its place means memory alone, said in each lease") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const TempDir folder;
    write_bytes(folder.file("file"), "x");
    REQUIRE(::symlink(folder.file("nothing").c_str(), folder.file("link").c_str()) == 0);
    for (const char* bad : {"file", "link", "file/below"}) {
        CAPTURE(bad);
        CHECK(visit(folder.file(bad), true) == (token_served | memory_only | clear_refused));
    }
    CHECK(file_bytes(folder.file("file")) == "x");
    CHECK(folder.names() == std::set<std::string>{"file", "link"});
}

TEST_CASE(
    "Bad folder: a link to a folder is that folder; a link in the record's place is followed neither to read nor to "
    "write") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const std::string link = stored.folder.file("link");
    REQUIRE(::symlink(stored.store.c_str(), link.c_str()) == 0);
    FileStoreRig rig(link);
    rig.open();
    CHECK(rig.acquire() == "old-token");
    rig.close();

    const std::string target = stored.folder.file("target");
    REQUIRE(std::rename(stored.path.c_str(), target.c_str()) == 0);
    REQUIRE(::symlink(target.c_str(), stored.path.c_str()) == 0);
    const std::string before = file_bytes(target);
    CHECK(visit(stored.store, true) == token_served);
    CHECK(file_bytes(target) == before);
    struct stat found{};
    REQUIRE(::lstat(stored.path.c_str(), &found) == 0);
    CHECK(S_ISREG(found.st_mode));
}

TEST_CASE("Bad folder: a read-only one gives the stored token, and keeps it whatever comes") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const uid_t user = is_root() ? somebody : 0;
    if (is_root()) {  // root may write everywhere: so the files are somebody's
        REQUIRE(::chmod(stored.folder.path().c_str(), 0755) == 0);
        for (const auto& entry : std::filesystem::directory_iterator(stored.store))
            REQUIRE(::chown(entry.path().c_str(), somebody, somebody) == 0);
        REQUIRE(::chown(stored.store.c_str(), somebody, somebody) == 0);
    }
    REQUIRE(::chmod(stored.store.c_str(), 0500) == 0);
    const int seen = visit(stored.store, false, user);
    CHECK(seen == (token_served | old_one | memory_only));
    CHECK(visit(stored.store, true, user) == (token_served | old_one | memory_only | clear_refused));
    REQUIRE(::chmod(stored.store.c_str(), 0700) == 0);
    CHECK(visit(stored.store, false, user) == (token_served | old_one));
}

TEST_CASE("Bad folder: a full one gives the stored token, and loses it to no half-written file") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    const int seen = visit(stored.store, false, 0, "full");
    CHECK(seen == (token_served | old_one | memory_only));
    stored.expect_kept();
    CHECK(::access((stored.path + ".tmp").c_str(), F_OK) != 0);
}

TEST_CASE("Bad folder: another user's is neither read nor written, whether it is closed to us or open") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const uid_t user = is_root() ? somebody : 0;
    for (const std::string system : {"/", "/usr"}) {  // another user's to all but root
        CAPTURE(system);
        CHECK(visit(system, true, user) == (token_served | memory_only | clear_refused));
        for (const auto& entry : std::filesystem::directory_iterator(system))
            CHECK(entry.path().filename().string().rfind(record_name, 0) != 0);
    }
    if (is_root()) {  // who alone can give a record away; that nobody reads another's: unit/record_file_test
        const StoredToken stored;
        REQUIRE(::chmod(stored.folder.path().c_str(), 0755) == 0);
        CHECK(visit(stored.store, true, user) == (token_served | memory_only | clear_refused));
        stored.expect_kept();
        REQUIRE(::chmod(stored.store.c_str(), 0777) == 0);
        for (const auto& entry : std::filesystem::directory_iterator(stored.store))
            REQUIRE(::chmod(entry.path().c_str(), 0666) == 0);
        CHECK(visit(stored.store, false, user) == (token_served | memory_only));
        REQUIRE(::chmod(stored.store.c_str(), 0700) == 0);  // a folder that everybody may write is not trusted
        stored.expect_kept();
    }
}

#if defined(__linux__)
TEST_CASE("Bad folder: status and explain report one that can't be watched, and the session works") {
    NEEDS(PORTAL_FEATURE_FILE_STORE);
    const StoredToken stored;
    FileStoreRig rig(stored.store);
    has_instances = false;
    rig.open();
    CHECK(rig.acquire() == "old-token");
    CHECK(rig.notify(PORTAL_NOTICE_FOREGROUND) == PORTAL_OK);  // what the first load could not watch is known by now
    has_instances = true;
    CHECK(rig.status().flags == PORTAL_STATUS_UNWATCHED);
    std::string text(PORTAL_EXPLAIN_MAX, '\0');
    std::size_t length = text.size();
    CHECK(portal_session_explain(rig.session, text.data(), &length, nullptr) == PORTAL_OK);
    CHECK(text.find("\"store_is_watched\":false") != std::string::npos);
}
#endif

}  // namespace
