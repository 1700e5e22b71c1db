"""The models in Keras on TensorFlow, in float32."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow

import problems


def version():
    return f"keras {keras.__version__} on tensorflow {tensorflow.__version__}"


def build(problem, optimizer):
    last = "softmax" if problem.classifier else None
    model = keras.Sequential([
        keras.Input((problem.x.shape[1],)),
        keras.layers.Dense(problem.weights[0].shape[0], activation="relu"),
        keras.layers.Dense(problem.weights[2].shape[0], activation=last),
    ])
    model.compile(optimizer, "categorical_crossentropy" if problem.classifier else "mse")
    model.set_weights([w.T for w in problem.weights])  # Keras's kernels are (inputs, outputs)
    assert model.compute_dtype == "float32" and all(w.dtype == "float32" for w in model.weights)
    return model


def steps(problem, optimizer):
    """(loss of each batch before its update, final weights)."""
    model = build(problem, optimizer)
    losses = []
    for x, y in problem.batches():
        model.reset_metrics()  # or the loss is the mean since the start
        losses.append(float(model.train_on_batch(x, y)))
    return losses, [w.T for w in model.get_weights()]


def fit(problem, optimizer, epochs):
    """(loss of each epoch, final weights), over the same batches as steps()."""
    model = build(problem, optimizer)
    history = model.fit(problem.x, problem.y, batch_size=problems.BATCH, epochs=epochs,
                        shuffle=False, verbose=0)
    return history.history["loss"], [w.T for w in model.get_weights()]


def run():
    adam, sgd = keras.optimizers.Adam, keras.optimizers.SGD
    toy = problems.toy()
    return {
        "version": version(),
        "ToyKerasAdam": steps(toy, adam()),
        "ToyKerasSgd": steps(toy, sgd(0.01, momentum=0.9)),
        "ClassifierKerasAdam": steps(problems.classifier(), adam(0.001)),
        "fit": fit(toy, adam(), epochs=5),
    }
