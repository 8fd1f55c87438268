// The callbacks of the C API, each carried to the Java object that is its userdata.
#pragma once

#include <jni.h>

#include <portal_session/portal_session.h>

namespace portal_jni {

// What io.portalsession.internal.NativeHost supplies beside the observer. NativeBridge has the same numbers.
enum HostPart : jint { provider_part = 1, store_part = 2, clock_part = 4 };

// Puts the host's parts into the options; each holds the object until its `release`. False: no memory, nothing is held.
bool attach_host(JNIEnv* env, jobject host, jint parts, portal_level log_level, portal_options& options);

// The two ways to end of an operation, told to a NativeCompletion.
portal_acquired acquired_by(void* completion);
portal_done done_by(void* completion);

}  // namespace portal_jni
