using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    public static Launch Resize(Tensor x, Corners corners, Tensor y) =>
        new("resize", "resize_forward", PixelQuads(y), Threads(256),
            x, y, x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W, (int)corners);

    public static Launch ResizeBackward(Tensor dy, Corners corners, Accumulator dx)
    {
        Shape x = dx.Tensor.Shape;
        return new("resize", "resize_backward", PixelQuads(dx.Tensor), Threads(256),
            dy, dx.Tensor, x.N, x.H, x.W, x.C, dy.Shape.H, dy.Shape.W, (int)corners, dx.Adds);
    }

    /// <summary>Whether a blur fits into shared memory; a wider one runs one axis at a time (<see cref="BlurAxis"/>).</summary>
    public static bool BlurFits(Shape x, int taps) => BlurTile.Of(x, taps / 2).SharedBytes(x, taps / 2) <= MaxSharedBytes;

    public static Launch Blur(Tensor x, Tensor taps, Tensor y) => Tiled("blur", "blur_forward", x.Shape, taps, [x, taps, y], []);

    public static Launch BlurBackward(Tensor dy, Tensor taps, Accumulator dx) =>
        Tiled("blur", "blur_backward", dy.Shape, taps, [dy, taps, dx.Tensor], [dx.Adds]);

    /// <summary>A blur along one axis of (N, H, W, C): 1 for H, 2 for W.</summary>
    public static Launch BlurAxis(Tensor x, Tensor taps, int axis, Tensor y) =>
        new("blur", "blur_axis_forward", RowQuads(x.Shape.Count / Inner(x.Shape, axis), Inner(x.Shape, axis)), Threads(256),
            x, taps, y, taps.Shape.Count / 2, Outer(x.Shape, axis), x.Shape.Dims[axis], Inner(x.Shape, axis));

    /// <summary>Its adjoint.</summary>
    public static Launch BlurAxisBackward(Tensor dy, Tensor taps, int axis, Accumulator dx) =>
        new("blur", "blur_axis_backward", RowQuads(dy.Shape.Count / Inner(dy.Shape, axis), Inner(dy.Shape, axis)), Threads(256),
            dy, taps, dx.Tensor, taps.Shape.Count / 2, Outer(dy.Shape, axis), dy.Shape.Dims[axis], Inner(dy.Shape, axis), dx.Adds);

    private static int Inner(Shape x, int axis) => axis == 1 ? x.W * x.C : x.C;

    private static int Outer(Shape x, int axis) => axis == 1 ? x.N : x.N * x.H;

    /// <summary>A kernel based on blur.cuh: the arguments before and after radius, H, W, C and the tile.</summary>
    private static Launch Tiled(
        string file, string kernel, Shape x, Tensor taps, ReadOnlySpan<Argument> before, ReadOnlySpan<Argument> after)
    {
        int radius = taps.Shape.Count / 2;
        var tile = BlurTile.Of(x, radius);
        return new(file, kernel, tile.Grid(x), Threads(256), [.. before, radius, x.H, x.W, x.C, Argument.Of(tile), .. after])
        {
            SharedBytes = tile.SharedBytes(x, radius),
        };
    }

    /// <summary>The struct BlurTile of blur.cuh: height and width of a tile in pixels.</summary>
    private readonly record struct BlurTile(int Height, int Width)
    {
        private const int Channels = 8;
        private const int Largest = 16;

        /// <summary>Equal tiles of at most 16 x 16 pixels; smaller if the border of a wide blur needs the shared memory.</summary>
        public static BlurTile Of(Shape x, int radius)
        {
            BlurTile tile = default;
            for (int largest = Largest; largest > 0; largest /= 2)
            {
                tile = new BlurTile(Even(x.H, largest), Even(x.W, largest));
                if (tile.SharedBytes(x, radius) <= MaxSharedBytes)
                    break;
            }
            return tile;
        }

        /// <summary>One block per image, tile and group of channels.</summary>
        public Extent Grid(Shape x) => Blocks((long)x.N * Up(x.H, Height) * Up(x.W, Width) * Up(x.C, Channels), 1);

        /// <summary>
        /// Bytes of the tile with its border, plus the tile with its border along W only. The border is clipped at the image.
        /// </summary>
        public int SharedBytes(Shape x, int radius)
        {
            long rows = Math.Min(x.H, Height + 2L * radius), columns = Math.Min(x.W, Width + 2L * radius);
            return (int)Math.Min((rows + Height) * columns * Channels * sizeof(float), int.MaxValue);
        }

        /// <summary>The extent of equal tiles, at most <paramref name="largest"/>.</summary>
        private static int Even(int extent, int largest) => Up(extent, Up(extent, largest));
    }
}
