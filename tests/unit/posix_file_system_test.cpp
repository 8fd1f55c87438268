#include "store/posix_file_system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace portal;
using namespace portal::test;

namespace {

struct Fixture {
    TempDir folder;
    PosixFileSystem files;

    int opened(const std::string& name, OpenFor purpose) {
        const Io<int> file = files.open(folder.file(name), purpose);
        REQUIRE(file);
        return *file;
    }
    int refusal(const std::string& name, OpenFor purpose) {
        const Io<int> file = files.open(folder.file(name), purpose);
        REQUIRE_FALSE(file);
        return file.error();
    }
};

constexpr OpenFor all_files[] = {OpenFor::reading, OpenFor::creating, OpenFor::overwriting, OpenFor::locking};

}  // namespace

TEST_CASE_METHOD(Fixture, "A file that is to be new is refused where there is one", "[store][posix]") {
    write_bytes(folder.file("there"), "kept");
    CHECK(refusal("there", OpenFor::creating) == EEXIST);
    files.close(opened("there", OpenFor::locking));
    CHECK(file_bytes(folder.file("there")) == "kept");
    files.close(opened("there", OpenFor::overwriting));
    CHECK(file_bytes(folder.file("there")).empty());
}

TEST_CASE_METHOD(Fixture, "No purpose follows a symbolic link, even one that leads nowhere", "[store][posix]") {
    write_bytes(folder.file("target"), "kept");
    std::filesystem::create_symlink(folder.file("target"), folder.file("link"));
    std::filesystem::create_symlink(folder.file("nowhere"), folder.file("dangling"));
    for (const OpenFor purpose : all_files) {
        const int expected = purpose == OpenFor::creating ? EEXIST : ELOOP;
        CHECK(refusal("link", purpose) == expected);
        CHECK(refusal("dangling", purpose) == expected);
    }
    CHECK(file_bytes(folder.file("target")) == "kept");
    CHECK_FALSE(std::filesystem::exists(folder.file("nowhere")));
}

TEST_CASE_METHOD(Fixture, "An open file is not inherited by a program that is started meanwhile", "[store][posix]") {
    for (const OpenFor purpose : {OpenFor::creating, OpenFor::reading, OpenFor::overwriting, OpenFor::locking}) {
        const int file = opened("file", purpose);
        CHECK((::fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
        files.close(file);
    }
}

TEST_CASE_METHOD(Fixture, "A lock is exclusive, between two opens of one process too", "[store][posix]") {
    const int first = opened("lock", OpenFor::locking);
    const int second = opened("lock", OpenFor::locking);
    CHECK(files.try_lock(first));
    CHECK(files.try_lock(second).error() == EWOULDBLOCK);
    files.unlock(first);
    CHECK(files.try_lock(second));
    files.close(second);
    CHECK(files.try_lock(first));  // a closed file holds nothing
    files.close(first);
}

TEST_CASE_METHOD(Fixture, "A forked child keeps no lock of its parent's, and takes none away", "[store][posix]") {
    const int file = opened("lock", OpenFor::locking);
    REQUIRE(files.try_lock(file));
    int go[2];
    int runs[2];
    REQUIRE((::pipe(go) == 0 && ::pipe(runs) == 0));
    char byte = 0;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(go[1]);
        (void)!::write(runs[1], "", 1);
        ::_exit(::read(go[0], &byte, 1) == 0 ? 0 : 1);  // it lives until its parent lets go
    }
    REQUIRE(::read(runs[0], &byte, 1) == 1);
    for (const int end : {go[0], runs[0], runs[1]}) ::close(end);
    const int other = opened("lock", OpenFor::locking);
    CHECK(files.try_lock(other).error() == EWOULDBLOCK);
    files.close(file);  // as the end of this process would, without unlocking
    CHECK(files.try_lock(other));
    files.close(other);
    ::close(go[1]);
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE_METHOD(Fixture, "Shared locks stand beside each other, and not beside an exclusive one", "[store][posix]") {
    const int owner = opened("lock", OpenFor::locking);
    const int one = opened("lock", OpenFor::reading);
    const int other = opened("lock", OpenFor::reading);
    REQUIRE(files.try_lock(owner));
    CHECK(files.try_lock_shared(one).error() == EWOULDBLOCK);
    files.unlock(owner);
    CHECK(files.try_lock_shared(one));
    CHECK(files.try_lock_shared(other));
    CHECK(files.try_lock(owner).error() == EWOULDBLOCK);
    for (const int file : {owner, one, other}) files.close(file);
}

TEST_CASE_METHOD(Fixture, "A listing has the names of that beginning, and says where it is cut", "[store][posix]") {
    for (const char* name : {"a", "a.1", "a.2", "b", ".a"}) write_bytes(folder.file(name), "");
    const int directory = opened(".", OpenFor::directory);
    const auto sorted = [&](std::size_t most) {
        const Io<Listing> listing = files.list(directory, "a", most);
        REQUIRE(listing);
        return std::set<std::string>(listing->names.begin(), listing->names.end());
    };
    CHECK(sorted(9) == std::set<std::string>{"a", "a.1", "a.2"});
    CHECK(sorted(9).size() == 3);  // once more: reading has a place of its own
    CHECK_FALSE(files.list(directory, "a", 3)->is_cut);
    CHECK(files.list(directory, "a", 2)->is_cut);
    CHECK(files.list(directory, "a", 2)->names.size() == 2);
    CHECK(files.list(opened("b", OpenFor::reading), "a", 2).error() == ENOTDIR);
    files.close(directory);
}

TEST_CASE_METHOD(Fixture, "A look sees a file's inode, size and time, and a link as itself", "[store][posix]") {
    CHECK(files.look(folder.file("file")).error() == ENOENT);
    write_bytes(folder.file("file"), "1234");
    std::filesystem::create_symlink(folder.file("file"), folder.file("link"));
    const Io<FileInfo> info = files.look(folder.file("file"));
    REQUIRE(info);
    CHECK(info->size == 4);
    CHECK(info->regular);
    CHECK_FALSE(files.look(folder.file("link"))->regular);
    write_bytes(folder.file("next"), "1234");
    REQUIRE(files.rename(folder.file("next"), folder.file("file")));
    CHECK(files.look(folder.file("file"))->inode != info->inode);
}

TEST_CASE_METHOD(Fixture, "A folder that all may write is told apart, unless it is sticky", "[store][posix]") {
    const auto is_open_at = [&](mode_t mode) {
        REQUIRE(::chmod(folder.path().c_str(), mode) == 0);
        const int directory = opened(".", OpenFor::directory);
        const bool is_open = files.info(directory)->open_to_all;
        files.close(directory);
        return is_open;
    };
    CHECK(is_open_at(0777));
    CHECK_FALSE(is_open_at(01777));
    CHECK_FALSE(is_open_at(0775));
    CHECK_FALSE(is_open_at(0700));
}

TEST_CASE_METHOD(Fixture, "A lock that was let go is free though a forked child still has the file open",
                 "[store][posix]") {
    const int file = opened("lock", OpenFor::locking);
    REQUIRE(files.try_lock(file));
    const int child_has = ::dup(file);  // shares the open file as a fork does
    files.unlock(file);
    files.close(file);
    const int next = opened("lock", OpenFor::locking);
    CHECK(files.try_lock(next));
    files.close(next);
    ::close(child_has);
}

TEST_CASE_METHOD(Fixture, "What is written is read, up to its end", "[store][posix]") {
    const int out = opened("file", OpenFor::creating);
    CHECK(files.write(out, "0123456789"));
    CHECK(files.sync(out));
    files.close(out);
    const int in = opened("file", OpenFor::reading);
    const Io<FileInfo> info = files.info(in);
    REQUIRE(info);
    CHECK(info->size == 10);
    CHECK(info->regular);
    CHECK(info->ours);
    std::string bytes(20, '\0');
    CHECK(files.read(in, bytes.data(), 4) == 4U);
    CHECK(files.read(in, bytes.data() + 4, 16) == 6U);
    CHECK(bytes.substr(0, 10) == "0123456789");
    CHECK(files.write(in, "x").error() == EBADF);
    files.close(in);
    CHECK(files.read(in, bytes.data(), 1).error() == EBADF);
}

TEST_CASE_METHOD(Fixture, "A directory can be made, opened and synced", "[store][posix]") {
    CHECK(files.make_directory(folder.file("below")));
    CHECK(files.make_directory(folder.file("below")).error() == EEXIST);
    CHECK(files.make_directory(folder.file("a/b")).error() == ENOENT);
    const int directory = opened("below", OpenFor::directory);
    CHECK(files.sync(directory));
    CHECK_FALSE(files.info(directory)->regular);
    files.close(directory);
    write_bytes(folder.file("file"), "");
    CHECK(refusal("file", OpenFor::directory) == ENOTDIR);
}

TEST_CASE_METHOD(Fixture, "Renaming replaces, removing removes, and both say why not", "[store][posix]") {
    write_bytes(folder.file("a"), "new");
    write_bytes(folder.file("b"), "old");
    CHECK(files.rename(folder.file("a"), folder.file("b")));
    CHECK(file_bytes(folder.file("b")) == "new");
    CHECK(files.remove(folder.file("b")));
    CHECK(files.remove(folder.file("b")).error() == ENOENT);
    REQUIRE(files.make_directory(folder.file("empty")));
    CHECK(files.remove(folder.file("empty")));
    REQUIRE(files.make_directory(folder.file("full")));
    write_bytes(folder.file("full/file"), "");
    CHECK(files.remove(folder.file("full")).error() == ENOTEMPTY);
    CHECK(files.rename(folder.file("b"), folder.file("a")).error() == ENOENT);
}

TEST_CASE_METHOD(Fixture, "A file of another user's is told from ours", "[store][posix]") {
    const uid_t user = ::geteuid();
    const Io<int> of_root = files.open("/etc/passwd", OpenFor::reading);
    const int of_this_user = opened("mine", OpenFor::locking);
    REQUIRE(of_root);
    if (user == 0) {
        CHECK(files.info(*of_root)->ours);
        REQUIRE(::seteuid(1) == 0);
        CHECK_FALSE(files.info(of_this_user)->ours);
        CHECK_FALSE(files.info(*of_root)->ours);
        REQUIRE(::seteuid(0) == 0);
    } else {
        CHECK_FALSE(files.info(*of_root)->ours);
    }
    CHECK(files.info(of_this_user)->ours);
    files.close(*of_root);
    files.close(of_this_user);
}
