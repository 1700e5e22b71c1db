"""784-128-10 on Fashion-MNIST as PyTorch's quickstart trains it, but with Adam, batches of 32, and
tensors in place of images that are converted one by one each time. bench/whole times it from start
to end."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import fashion_mnist


def data_set(images, labels):
    return TensorDataset(torch.from_numpy(images / 255.0).float(),
                         torch.from_numpy(labels).long())


training_data, test_data = (data_set(*part) for part in fashion_mnist.load_data())
train_dataloader = DataLoader(training_data, batch_size=32, shuffle=True)
test_dataloader = DataLoader(test_data, batch_size=32)

model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 128), nn.ReLU(), nn.Linear(128, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train(dataloader):
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        loss = loss_fn(model(X), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            print(f"loss: {loss.item():>7f}  [{batch * len(X):>5d}/{len(dataloader.dataset):>5d}]")


def test(dataloader):
    model.eval()
    correct = 0.0
    with torch.no_grad():
        for X, y in dataloader:
            correct += (model(X).argmax(1) == y).type(torch.float).sum().item()
    return correct / len(dataloader.dataset)


for epoch in range(10):
    print(f"Epoch {epoch + 1}")
    train(train_dataloader)
print(f"test accuracy {100 * test(test_dataloader):.2f}%")
