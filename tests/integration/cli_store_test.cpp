// A store or a key that is not as it should be: what costs no token, what costs no logout, and what is refused.
#include <sys/stat.h>
#include <unistd.h>

#include "integration/cli_world.hpp"

using namespace portal::test;

namespace {

// An empty folder in which the world's programs can make no file: root's neither, which go without its right to.
class ReadOnlyFolder {
public:
    explicit ReadOnlyFolder(CliWorld& world) {
        REQUIRE(::chmod(folder_.path().c_str(), 0500) == 0);
        if (::getuid() == 0) world.before_program = {"/usr/bin/setpriv", "--bounding-set=-dac_override"};
    }
    ~ReadOnlyFolder() { ::chmod(folder_.path().c_str(), 0700); }
    ReadOnlyFolder(const ReadOnlyFolder&) = delete;
    ReadOnlyFolder& operator=(const ReadOnlyFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return folder_.path(); }

private:
    const TempDir folder_;
};

void check_token_and_request_work(CliWorld& world, const Words& options, const std::string& reason) {
    const std::string in_memory = "Until that works, nothing is stored: a token is kept in memory only.";
    const auto run = [&](Words words) {
        words.insert(words.end(), options.begin(), options.end());
        return world.run(words);
    };
    const std::uint64_t before = world.mints();
    const Ran token = run({"token"});
    CHECK(done_with(token, reason).size() == 36 + 1);
    CHECK(contains(token.errors, in_memory));
    CHECK(contains(token.errors, "the next command fetches another"));
    const Ran request = run({"request", me});
    CHECK(json_text_of(done_with(request, reason), "id") == world.client_id);
    CHECK(contains(request.errors, in_memory));
    CHECK(world.mints() == before + 2);
    CHECK(contains(done_with(run({"status"}), reason), "no token yet"));
    failed(run({"renew"}), 5, "The store takes nothing now");
}

}  // namespace

TEST_CASE("where no key can be made token and request work, in memory only, and say why") {
    CliWorld world;
    const ReadOnlyFolder folder(world);
    SECTION("a read-only folder") {
        check_token_and_request_work(world, {"--store", folder.path()},
                                     "Cannot write the key file " + folder.path() + "/key: ");
        failed(world.run({"logout", "--store", folder.path()}), 5, "make " + folder.path() + " writable");
    }
    SECTION("a folder that cannot be made") {
        check_token_and_request_work(world, {"--store", folder.path() + "/a/b"},
                                     "Cannot make the store's folder " + folder.path() + "/a: ");
    }
    SECTION("a key file of its own that cannot be made") {
        check_token_and_request_work(world, {"--key-file", folder.path() + "/k"},
                                     "Cannot write the key file " + folder.path() + "/k: ");
    }
    SECTION("a full disk") {  // no file may grow: what that comes to
        world.before_program = {"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""};
        check_token_and_request_work(world, {}, "Cannot write the key file " + world.store.file("key") + ": ");
        CHECK_FALSE(std::filesystem::exists(world.store.file("key")));
    }
}

TEST_CASE("a logout needs no good key file: it signs out, leaves nothing behind, and says what is wrong") {
    CliWorld world;
    good(world.run({"token"}));
    const std::string key = world.store.file("key");
    const std::string good_key = file_bytes(key);
    std::filesystem::remove(key);
    std::string reason = "portal-session: The key file " + key + " ";
    SECTION("too short") {
        write_bytes(key, std::string(31, 'k'));
        reason += "has 31 bytes";
    }
    SECTION("open to other users") {
        write_bytes(key, good_key);
        ::chmod(key.c_str(), 0644);
        reason += "is open to other users";
    }
    SECTION("a folder") {
        std::filesystem::create_directory(key);
        reason += "is not a file";
    }
    SECTION("a pipe") {
        REQUIRE(::mkfifo(key.c_str(), 0600) == 0);
        reason += "is not a file";
    }
    SECTION("not to be read") {
        std::filesystem::create_symlink("key", key);  // that leads to itself
        reason = "portal-session: Cannot read the key file " + key + ": ";
    }
    failed(world.run({"token"}), 5, reason);
    const Ran ran = world.run({"logout"});
    CHECK(contains(done_with(ran, reason), "signed out"));
    CHECK(contains(ran.errors, "The logout goes on without it."));
    std::filesystem::remove(key);
    write_bytes(key, good_key);
    ::chmod(key.c_str(), 0600);
    for (const std::string& name : world.store.names()) {
        CAPTURE(name);
        CHECK_FALSE(contains(name, ".lost"));
        CHECK_FALSE(contains(name, ".erase"));
    }
    failed(world.run({"token"}), 3, "Sign in");
    CHECK(world.mints() == 1);
}

TEST_CASE("a key file that was named and is not there is a slip where records are: nothing is made, nothing is lost") {
    CliWorld world;
    const std::string named = world.store.file("a-key");
    good(world.run({"token", "--key-file", named}));
    const std::string slip = world.store.file("a-kye");
    failed(world.run({"status", "--key-file", slip}), 5, "The key file " + slip + " is not there");
    CHECK_FALSE(std::filesystem::exists(slip));
    good(world.run({"token", "--key-file", named}));
    CHECK(world.mints() == 1);
}

TEST_CASE("another client's session is neither handed out nor erased, and each command says so") {
    CliWorld world;
    good(world.run({"push"}, "a-token-without-a-client-1"));  // bare text: nothing says whose it is
    const Words other{"--client-id", "other-client"};
    const auto run_as_other = [&](Words words) {
        words.insert(words.end(), other.begin(), other.end());
        return world.run(words);
    };
    CHECK(contains(good(run_as_other({"status"})), "leave out --client-id to use it"));
    world.provider = "exit 1";
    failed(run_as_other({"token"}), 4, "The stored session belongs to another client");
    CHECK(good(world.run({"token"})) == "a-token-without-a-client-1\n");
    world.provider = "echo a-token-of-the-other-1";
    CHECK(done_with(run_as_other({"renew"}), "A new token replaces what was stored.").size() > 0);
    CHECK(good(run_as_other({"token"})) == "a-token-of-the-other-1\n");
}

TEST_CASE("a lease file that is a pipe is refused at once, and the next token replaces it") {
    CliWorld world;
    good(world.run({"token"}));
    for (const std::string& name : world.store.names()) {
        if (name.rfind("lease-", 0) != 0) continue;
        std::filesystem::remove(world.store.file(name));
        REQUIRE(::mkfifo(world.store.file(name).c_str(), 0600) == 0);
    }
    failed(world.run({"report", "200"}), 5, "is not a regular file. Delete it");  // else it hangs
    good(world.run({"token"}));
    good(world.run({"report", "200"}));
}

TEST_CASE("a store that every user can write to, or that another user owns, is refused with the way out") {
    CliWorld world;
    ::chmod(world.store.path().c_str(), 0777);
    failed(world.run({"token"}), 5, "Run: chmod 700 " + world.store.path());
    ::chmod(world.store.path().c_str(), 0700);
    good(world.run({"token"}));
    if (::geteuid() != 0) return;  // only root can give a folder away
    REQUIRE(::chown(world.store.path().c_str(), 4711, -1) == 0);
    failed(world.run({"token"}), 5, "belongs to another user (uid 4711)");
    REQUIRE(::chown(world.store.path().c_str(), 0, -1) == 0);
}

TEST_CASE("a report that cannot be stored says so") {
    CliWorld world;
    good(world.run({"token"}));
    world.before_program = {"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""};
    failed(world.run({"report", "200"}), 5, "The store takes nothing now");
}

TEST_CASE("a logout without a key file makes none, whether the key was lost or never there") {
    CliWorld world;
    good(world.run({"token"}));
    std::filesystem::remove(world.store.file("key"));
    for (const char* session : {"default", "never-used"}) {
        CAPTURE(session);
        CHECK(contains(good(world.run({"logout", "--session", session})), "signed out"));
    }
    CHECK_FALSE(std::filesystem::exists(world.store.file("key")));
    failed(world.run({"token"}), 3, "Sign in");
}
