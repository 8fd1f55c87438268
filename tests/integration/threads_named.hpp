// Which of the process's threads are alive, by name.
#pragma once

#include <dirent.h>

#include <cstdio>
#include <string>

// 0 where the system has no /proc.
inline int threads_named(const std::string& wanted) {
    DIR* tasks = ::opendir("/proc/self/task");
    if (tasks == nullptr) return 0;
    int count = 0;
    while (const dirent* task = ::readdir(tasks)) {
        std::FILE* file = std::fopen((std::string("/proc/self/task/") + task->d_name + "/comm").c_str(), "r");
        if (file == nullptr) continue;
        char name[32] = {};
        if (std::fgets(name, sizeof name, file) != nullptr && name == wanted + "\n") ++count;
        std::fclose(file);
    }
    ::closedir(tasks);
    return count;
}
