using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Iba.Shapes.Training;

/// <summary>
/// Batches of the shapes data set for training. Every epoch has another order. Every image is cropped at a random place, and mirrored or turned
/// to one of a square's eight positions. Order, place and position depend on seed and step alone.
/// </summary>
/// <param name="source">The images.</param>
/// <param name="size">Rows and columns of what the network sees of them.</param>
/// <param name="batch">Images to a step.</param>
/// <param name="seed">Of order, place and position.</param>
public sealed class ShapesBatches(ShapesImages source, int size, int batch, int seed) : IBatches
{
    private readonly ShapesCrops _crops = new(source, size);
    private int[] _order = [];
    private long _orderOf = -1;

    /// <inheritdoc/>
    public Shape Images => new(batch, size, size, 3);

    /// <inheritdoc/>
    public string Description => $"{source.Description}, in batches {Images}, seed {seed}";

    /// <summary>Steps in which every image is seen once, but for a rest that fills no batch.</summary>
    public long StepsPerEpoch => source.Count / batch;

    /// <inheritdoc/>
    public void Fill(long step, Span<float> images, Span<float> targets)
    {
        (long epoch, long place) = Math.DivRem(step, StepsPerEpoch);
        if (epoch != _orderOf)
            (_order, _orderOf) = (Order(epoch), epoch);
        Random random = Generator(step);
        int row = Images.Row;
        for (int n = 0; n < batch; n++)
        {
            int index = _order[place * batch + n];
            targets[n] = ShapesDataset.Label(index);
            _crops.Read(
                index, images.Slice(n * row, row),
                left: random.Next(_crops.Margin + 1), top: random.Next(_crops.Margin + 1), position: random.Next(8));
        }
    }

    private int[] Order(long epoch)
    {
        int[] order = [.. Enumerable.Range(0, source.Count)];
        Generator(~epoch).Shuffle(order);
        return order;
    }

    /// <summary>
    /// A generator for a number, negative or not; its 32-bit seed depends on every bit of seed and number. .NET's generator, when it is given
    /// a seed, gives the same numbers on every platform.
    /// </summary>
    private Random Generator(long number) => new((int)SplitMix.Mix(((ulong)(uint)seed << 32) ^ (ulong)number));
}
