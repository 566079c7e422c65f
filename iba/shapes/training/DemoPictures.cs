namespace Iba.Shapes.Training;

/// <summary>The pictures of the shapes data set that a demo network is trained on in one stage, or is tested on.</summary>
/// <param name="Seed">The data set's seed.</param>
/// <param name="View">The part of each scene that is visible.</param>
/// <param name="Size">Rows and columns of the network's input. Pictures are 8/7 as large, as preprocessing resizes photos before it crops them.</param>
/// <param name="Count">The number of pictures.</param>
public sealed record DemoPictures(ulong Seed, ShapesView View, int Size, int Count)
{
    /// <summary>Opens the file of the pictures and renders what it lacks; <see cref="ShapesImages.Open"/> describes the parameters.</summary>
    public ShapesImages Open(string folder, IProgress<double>? progress = null, Action<string>? damaged = null, CancellationToken cancellation = default)
    {
        int side = Side(Size);
        // A scene is the same at every size: pictures for small inputs are drawn small, which is cheaper.
        var dataset = new ShapesDataset(Seed, Size == DemoRecipe.LargeSize ? Size : Side(DemoRecipe.SmallSize));
        return ShapesImages.Open(folder, dataset, View, side, Count, progress, damaged, cancellation);
    }

    private static int Side(int size) => size * 8 / 7;
}
