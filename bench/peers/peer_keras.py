"""Keras on TensorFlow: `fit` is model.fit, compiled, an epoch of steps per execution, `jit` is the
training step in tf.function(jit_compile=True), many steps per call."""

import sys
import time

import keras
import tensorflow as tf

import protocol


class Fit(protocol.Engine):
    def __init__(self, problem):
        self.problem = problem
        layers = [keras.layers.Dense(size, activation="relu") for size in problem.sizes[1:-1]]
        last = keras.layers.Dense(problem.sizes[-1])
        self.model = keras.Sequential([keras.Input((problem.sizes[0],)), *layers, last])
        self.model.set_weights(problem.weights)
        self.criterion = (keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                          if problem.classifier else keras.losses.MeanSquaredError())
        self.optimizer = keras.optimizers.Adam()
        self.prepare()

    def prepare(self):
        self.model.compile(self.optimizer, self.criterion, jit_compile=True,
                           steps_per_execution=self.problem.count)

    def fit(self, epochs, *callbacks):
        self.model.fit(self.problem.x, self.problem.y, batch_size=self.problem.batch,
                       epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))

    def run(self):
        self.fit(self.problem.steps // self.problem.count)

    def measure(self, seconds):
        clock = Clock(seconds)
        self.fit(1_000_000, clock)
        return clock.wall, clock.cpu, clock.epochs * self.problem.count

    def weights(self):
        return self.model.get_weights()


class Clock(keras.callbacks.Callback):
    """Leaves out what fit() does before its second epoch, and stops it in time."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter(), time.process_time()
        if epoch == 0:
            self.start = now
            return
        self.epochs, self.wall, self.cpu = epoch, now[0] - self.start[0], now[1] - self.start[1]
        self.model.stop_training = self.wall >= self.seconds


class Jit(Fit):
    def prepare(self):
        x, y = (tf.constant(array) for array in self.problem.batches())
        self.optimizer.build(self.model.trainable_variables)

        @tf.function(jit_compile=True)
        def steps():
            loss = tf.constant(0.0)
            for step in tf.range(self.problem.steps):
                batch = step % self.problem.count
                with tf.GradientTape() as tape:
                    loss = self.criterion(y[batch], self.model(x[batch], training=True))
                variables = self.model.trainable_variables
                self.optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self.steps = steps

    def run(self):
        return float(self.steps())

    measure = protocol.Engine.measure


if __name__ == "__main__":
    threads = int(sys.argv[2])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    protocol.serve({"fit": Fit, "jit": Jit}[sys.argv[1]],
                   f"keras {keras.__version__}, tensorflow {tf.__version__}")
