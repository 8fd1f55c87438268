// The API as Java sees it.
package io.portalsession;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class JavaCallersTest {
    private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
    private final LeaseCallback callback = new LeaseCallback() {
        @Override public void onLease(Lease lease) {
            told.add(lease);
        }

        @Override public void onFailure(PortalSessionException failure) {
            told.add(failure);
        }
    };

    private Object next() throws InterruptedException {
        return told.poll(60, TimeUnit.SECONDS);
    }

    @Test void aJavaAppLeasesReportsAndLogsOut() throws Exception {
        CallbackTokenProvider provider = (request, answer) -> {
            answer.answer(new TokenAnswer.Token("from-java"));
            answer.answer(new TokenAnswer.Declined()); // too late: dropped
        };
        try (PortalSession session = new PortalSession.Builder().name("java").provider(provider).open()) {
            session.lease(Runnable::run, callback);
            Lease lease = assertInstanceOf(Lease.class, next());
            assertEquals("from-java", lease.token());
            session.report(lease, 200);
            assertEquals(SessionState.FRESH, session.readStatus().getState());
            session.switchUser(new TokenAnswer.Token("next"), Runnable::run, failure -> told.add("switched"));
            assertEquals("switched", next());
            session.clear(Runnable::run, failure -> told.add(failure == null ? "cleared" : failure));
            assertEquals("cleared", next());
            assertNull(session.tryLease());
            session.lease(Runnable::run, callback);
            assertInstanceOf(PortalSessionException.SignInNeeded.class, next());
        }
    }

    @Test void aJavaAppCancelsItsWait() throws Exception {
        CallbackTokenProvider silent = (request, answer) -> { };
        try (PortalSession session = new PortalSession.Builder().provider(silent).open()) {
            session.lease(Runnable::run, callback, LeaseOptions.DEFAULT.timeoutMillis(1_000_000_000L)).cancel();
        } catch (Exception refused) { // over 10 minutes
            assertInstanceOf(PortalSessionException.InvalidArgument.class, refused);
        }
        try (PortalSession session = new PortalSession.Builder().provider(silent).open()) {
            session.lease(Runnable::run, callback).cancel();
            assertInstanceOf(PortalSessionException.Cancelled.class, next());
        }
    }
}
