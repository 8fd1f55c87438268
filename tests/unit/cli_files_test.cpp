// The command line's two files: the lease of the last token, and the key.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <string>

#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/key_file.hpp"
#include "cli/lease_file.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Folder : portal::test::TempDir {
    std::string write(const std::string& name, const std::string& bytes, mode_t mode) const {
        std::ofstream(file(name), std::ios::binary) << bytes;
        ::chmod(file(name).c_str(), mode);
        return file(name);
    }
};

mode_t mode_of(const std::string& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
}

portal_lease odd_lease() {
    portal_lease lease;
    portal_init(&lease, sizeof lease);
    lease.flags = PORTAL_LEASE_OVERDUE;
    lease.session_tag = std::numeric_limits<std::uint64_t>::max();
    lease.generation = 7;
    lease.epoch = 2;
    lease.sent_boot_ms = -5;
    lease.sent_unix_ms = 1'764'000'000'000;
    lease.boot_tag = 1;
    lease.left_ms = std::numeric_limits<std::int64_t>::min();
    return lease;
}

// What a Failure says; empty: there was none.
std::string refusal_of_key(const std::string& path) {
    try {
        (void)cli::load_key(path);
    } catch (const cli::Failure& failure) {
        CHECK(failure.exit_code == cli::ExitCode::store);
        return failure.message;
    }
    return {};
}

}  // namespace

TEST_CASE("A lease comes back from its text as it was", "[cli]") {
    const portal_lease lease = odd_lease();
    const auto back = cli::lease_from_text(cli::lease_to_text(lease));
    REQUIRE(back);
    CHECK(back->struct_size == sizeof(portal_lease));
    CHECK(back->flags == lease.flags);
    CHECK(back->session_tag == lease.session_tag);
    CHECK(back->generation == lease.generation);
    CHECK(back->epoch == lease.epoch);
    CHECK(back->sent_boot_ms == lease.sent_boot_ms);
    CHECK(back->sent_unix_ms == lease.sent_unix_ms);
    CHECK(back->boot_tag == lease.boot_tag);
    CHECK(back->left_ms == lease.left_ms);
}

TEST_CASE("Nothing but a lease's own text is read as a lease", "[cli]") {
    const std::string good = cli::lease_to_text(odd_lease());
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t place = text.find(from);
        REQUIRE(place != std::string::npos);
        return text.replace(place, from.size(), to);
    };
    REQUIRE(cli::lease_from_text(good));
    for (std::size_t size = 0; size < good.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(cli::lease_from_text(good.substr(0, size)));
    }
    CHECK_FALSE(cli::lease_from_text(good + "x"));
    CHECK_FALSE(cli::lease_from_text(good + std::string(1, '\0')));
    CHECK_FALSE(cli::lease_from_text(with("lease 1", "lease 2")));
    CHECK_FALSE(cli::lease_from_text(with("generation 7", "generation -7")));
    CHECK_FALSE(cli::lease_from_text(with("generation 7", "generation 18446744073709551616")));
    CHECK_FALSE(cli::lease_from_text(with("generation 7", "generation 7.5")));
    CHECK_FALSE(cli::lease_from_text(with("generation 7", "generation  7")));
    CHECK_FALSE(cli::lease_from_text(with("generation 7", "generation 0x7")));
    CHECK_FALSE(cli::lease_from_text(with("flags 1", "flags 4294967296")));
    CHECK_FALSE(cli::lease_from_text(with("epoch 2\n", "")));
}

TEST_CASE("The lease's file is private, replaced as a whole, and of one session", "[cli]") {
    const Folder folder;
    const std::string path = cli::lease_path(folder.path(), "default");
    CHECK_FALSE(cli::load_lease(path));
    portal_lease lease = odd_lease();
    REQUIRE(cli::save_lease(path, lease));
    lease.generation = 8;
    REQUIRE(cli::save_lease(path, lease));
    CHECK(cli::load_lease(path)->generation == 8);
    CHECK(mode_of(path) == 0600);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
    CHECK(cli::lease_path(folder.path(), "default") != cli::lease_path(folder.path(), "../default"));
    CHECK(cli::lease_path("/s", "../../etc").find("..") == std::string::npos);
}

TEST_CASE("A lease that cannot take its place leaves no file beside it, and says why", "[cli]") {
    const Folder folder;
    std::filesystem::create_directory(folder.file("lease"));
    errno = 0;
    CHECK_FALSE(cli::save_lease(folder.file("lease"), odd_lease()));
    CHECK(errno == EISDIR);
    CHECK(folder.names() == std::set<std::string>{"lease"});
}

TEST_CASE("A lease file of any size and content is no lease, and no harm", "[cli]") {
    const Folder folder;
    CHECK_FALSE(cli::load_lease(folder.write("empty", "", 0600)));
    CHECK_FALSE(cli::load_lease(folder.write("large", cli::lease_to_text(odd_lease()) + std::string(100'000, '\n'), 0600)));
}

TEST_CASE("A lease file that is no regular file is refused at once: a pipe, a folder, a device", "[cli]") {
    const Folder folder;
    REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
    for (const std::string& path : {folder.file("pipe"), folder.path(), std::string("/dev/null")}) {
        CAPTURE(path);
        CHECK_THROWS_AS(cli::load_lease(path), cli::Failure);
    }
}

TEST_CASE("What a killed process left of a key or a lease is swept, and what a living one writes is not", "[cli]") {
    const Folder folder;
    const cli::SecretBuffer key = cli::load_key(folder.file("key"));
    REQUIRE(::link(folder.file("key").c_str(), folder.file("key.new.4711").c_str()) == 0);  // killed after the link
    folder.write("key.new.abcdef", "half a key", 0600);
    folder.write("lease-1.new.4711", "half a lease", 0600);
    const cli::NewFile used(folder.file("lease-1"), "a lease on its way");
    REQUIRE(used.is_made());
    const std::set<std::string> before = folder.names();

    CHECK(cli::load_key(folder.file("key")).reveal() == key.reveal());
    CHECK(cli::save_lease(folder.file("lease-1"), odd_lease()));
    std::set<std::string> after = before;
    for (const char* left : {"key.new.4711", "key.new.abcdef", "lease-1.new.4711"}) after.erase(left);
    after.insert("lease-1");
    CHECK(folder.names() == after);
    CHECK(after.size() == 3);  // key, lease-1 and the one in use
}

TEST_CASE("Root refuses the key file of another user, and says whose it is", "[cli]") {
    if (::geteuid() != 0) {
        WARN("not checked: only root can read another user's file and give one away");
        return;
    }
    const Folder folder;
    const std::string path = folder.write("key", std::string(32, 'k'), 0600);
    CHECK(refusal_of_key(path).empty());
    REQUIRE(::chown(path.c_str(), 4711, -1) == 0);
    CHECK(contains(refusal_of_key(path), "belongs to another user (uid 4711)"));
    CHECK(contains(refusal_of_key(path), "Run as that user"));
}

TEST_CASE("A key is made at first use, private, and stays the same", "[cli]") {
    const Folder folder;
    const cli::SecretBuffer made = cli::load_key(folder.file("key"));
    CHECK(made.reveal().size() == 32);
    CHECK(made.reveal() != std::string(32, '\0'));
    CHECK(mode_of(folder.file("key")) == 0600);
    CHECK(cli::load_key(folder.file("key")).reveal() == made.reveal());
    CHECK(cli::load_key(folder.file("other")).reveal() != made.reveal());
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("To look for a key makes none", "[cli]") {
    const Folder folder;
    CHECK_FALSE(cli::read_key(folder.file("key")));
    CHECK(folder.names().empty());
    const cli::SecretBuffer made = cli::load_key(folder.file("key"));
    CHECK(cli::read_key(folder.file("key"))->reveal() == made.reveal());
}

TEST_CASE("A key file that is not one is refused, and left alone", "[cli]") {
    const Folder folder;
    CHECK(contains(refusal_of_key(folder.write("short", std::string(31, 'k'), 0600)), "32 bytes"));
    CHECK(contains(refusal_of_key(folder.write("long", std::string(33, 'k'), 0600)), "32 bytes"));
    const std::string others_file = refusal_of_key(folder.write("passwd", "root:x:0:0", 0644));
    CHECK(contains(others_file, "has 10 bytes"));
    CHECK_FALSE(contains(others_file, "chmod"));
    CHECK_FALSE(contains(others_file, "delete"));
    CHECK(contains(refusal_of_key(folder.write("group", std::string(32, 'k'), 0640)), "other users"));
    CHECK(contains(refusal_of_key(folder.write("world", std::string(32, 'k'), 0604)), "other users"));
    CHECK(contains(refusal_of_key(folder.path()), "not a file"));
    CHECK(contains(refusal_of_key(folder.file("no/such/folder")), "Cannot write"));
    REQUIRE(::symlink("nothing", folder.file("link").c_str()) == 0);
    CHECK(contains(refusal_of_key(folder.file("link")), "No such file"));
    CHECK(refusal_of_key(folder.write("good", std::string(32, 'k'), 0400)).empty());
    CHECK(std::filesystem::file_size(folder.file("short")) == 31);
}

TEST_CASE("The store's folder is made for its user alone", "[cli]") {
    const Folder folder;
    cli::make_private_directory(folder.file("a/b"));
    CHECK(mode_of(folder.file("a")) == 0700);
    CHECK(mode_of(folder.file("a/b")) == 0700);
    cli::make_private_directory(folder.file("a/b"));
    folder.write("file", "x", 0600);
    CHECK_THROWS_AS(cli::make_private_directory(folder.file("file")), cli::Failure);
    CHECK_THROWS_AS(cli::make_private_directory(folder.file("file/below")), cli::Failure);
}
