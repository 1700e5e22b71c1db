"""784-128-10 on Fashion-MNIST as TensorFlow's tutorial on classification of clothing trains it.
bench/whole times it from start to end."""

import keras

import fashion_mnist

(train_images, train_labels), (test_images, test_labels) = fashion_mnist.load_data()
train_images = train_images / 255.0
test_images = test_images / 255.0

model = keras.Sequential([
    keras.Input((28, 28)),
    keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dense(10),
])
model.compile(optimizer="adam",
              loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
model.fit(train_images, train_labels, epochs=10)
test_loss, test_accuracy = model.evaluate(test_images, test_labels, verbose=2)
print(f"test accuracy {100 * test_accuracy:.2f}%")
