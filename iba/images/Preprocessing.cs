using System.Globalization;

namespace Iba.Images;

/// <summary>Which of the two steps comes first.</summary>
public enum CropOrder
{
    /// <summary>torchvision's evaluation of ImageNet: Resize(256), CenterCrop(224).</summary>
    ResizeThenCrop,
    /// <summary>The published IBA package's image folder: CenterCrop(256), Resize(224).</summary>
    CropThenResize,
}

/// <summary>A value for each colour channel.</summary>
public readonly record struct PerChannel(float Red, float Green, float Blue)
{
    /// <summary>The value of channel 0, 1 or 2.</summary>
    public float this[int channel] => channel == 0 ? Red : channel == 1 ? Green : Blue;

    /// <summary>The three values separated by spaces, in the invariant culture.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Red} {Green} {Blue}");
}

/// <summary>A rectangle in a photo's pixels. Its edges may be fractions, and it extends outside the photo where the crop was padded.</summary>
public readonly record struct PhotoWindow(double Left, double Top, double Width, double Height);

/// <summary>A photo as the input of a network.</summary>
/// <param name="Values">S x S x 3, channels last: (u/255 - mean)/std.</param>
/// <param name="Crop">The same pixels as 8-bit RGB.</param>
/// <param name="Window">The part of the photo that was cropped, to draw a map over it.</param>
public sealed record NetworkInput(float[] Values, Photo Crop, PhotoWindow Window)
{
    /// <summary>S, pixels per side.</summary>
    public int Size => Crop.Width;
}

/// <summary>From a photo to a network's input as torchvision does it on Pillow images, equal to the last bit of every float.</summary>
public sealed record Preprocessing
{
    /// <summary>Resize(256), CenterCrop(224), normalise.</summary>
    public static Preprocessing ImageNet { get; } = new();

    /// <summary>CenterCrop(256), Resize(224), normalise.</summary>
    public static Preprocessing ImageNetCroppedFirst { get; } = new() { Resize = 224, Crop = 256, Order = CropOrder.CropThenResize };

    /// <summary>The shorter side after the resize step, pixels; the longer side follows, rounded down.</summary>
    public int Resize { get; init; } = 256;

    /// <summary>The side of the square that the crop step cuts from the centre, pixels. Smaller images are padded with black.</summary>
    public int Crop { get; init; } = 224;

    /// <summary>Which step comes first.</summary>
    public CropOrder Order { get; init; }

    /// <summary>Subtracted from colours in 0 to 1; by default ImageNet's mean, as torchvision's weights expect it.</summary>
    public PerChannel Mean { get; init; } = new(0.485f, 0.456f, 0.406f);

    /// <summary>The divisor of the difference; by default ImageNet's standard deviation.</summary>
    public PerChannel Std { get; init; } = new(0.229f, 0.224f, 0.225f);

    /// <summary>The same without normalisation: colours from 0 to 1, as the paper's bounding-box evaluation passed them to the network.</summary>
    public Preprocessing NotNormalised => this with { Mean = default, Std = new(1, 1, 1) };

    /// <summary>The side of the network's input, pixels.</summary>
    public int Size => Order == CropOrder.ResizeThenCrop ? Crop : Resize;

    /// <summary>The normalised value of a colour, in torchvision's order of operations.</summary>
    /// <param name="colour">0 to 1.</param>
    /// <param name="channel">0 to 2.</param>
    public float Normalised(float colour, int channel) => (colour - Mean[channel]) / Std[channel];

    /// <summary>The network's value for every byte of a colour: element 3u + c is that of level u in channel c.</summary>
    internal float[] Levels()
    {
        float[] levels = new float[3 * 256];
        for (int i = 0; i < levels.Length; i++)
            levels[i] = Normalised(i / 3 / 255f, i % 3);
        return levels;
    }

    /// <summary>Every setting as text; equal settings have equal texts. Files store it.</summary>
    public override string ToString()
    {
        string steps = Order == CropOrder.ResizeThenCrop ? $"resize {Resize} bilinear, crop {Crop}" : $"crop {Crop}, resize {Resize} bilinear";
        return $"{steps}, mean {Mean}, std {Std}";
    }

    /// <summary>Decodes a photo row by row, resizes the rows as they come, crops and normalises.</summary>
    /// <param name="photo">The photo.</param>
    /// <param name="rotate">Whether its EXIF orientation is applied.</param>
    /// <param name="cancel">Cancels the call.</param>
    /// <exception cref="ImageException">The photo is damaged, or so elongated that its resized side is not a number.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public NetworkInput Apply(PhotoFile photo, bool rotate = false, CancellationToken cancel = default)
    {
        (int width, int height) = photo.Extents(rotate);
        return Input(width, height, photo.Source, rotate ? photo.Orientation : Orientation.Upright, resize => photo.Decode(resize, cancel));
    }

    /// <summary>Resizes, crops and normalises.</summary>
    /// <exception cref="ImageException">The photo is so elongated that its resized side is not a number.</exception>
    public NetworkInput Apply(Photo photo) =>
        Input(photo.Width, photo.Height, photo.Source, Orientation.Upright, resize => AddRows(resize, photo.Pixels, 3 * photo.Width));

    /// <summary>The same resize and crop for a single-channel mask.</summary>
    /// <param name="mask">H x W bytes.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="source">Its name in messages.</param>
    /// <returns>S x S bytes.</returns>
    public byte[] Apply(ReadOnlySpan<byte> mask, int width, int height, string source)
    {
        (PillowResize resize, _) = FirstStep(width, height, 1, source, Orientation.Upright);
        AddRows(resize, mask, width);
        return SecondStep(resize.Result, 1);
    }

    private NetworkInput Input(int width, int height, string source, Orientation orientation, Action<PillowResize> addRows)
    {
        (PillowResize resize, PhotoWindow window) = FirstStep(width, height, 3, source, orientation);
        addRows(resize);
        byte[] crop = SecondStep(resize.Result, 3);
        return new NetworkInput(Floats(crop), new Photo(crop, Size, Size, source), window);
    }

    private static void AddRows(PillowResize resize, ReadOnlySpan<byte> pixels, int stride)
    {
        for (int y = 0; y < pixels.Length / stride; y++)
            resize.Add(y, pixels.Slice(y * stride, stride));
    }

    /// <summary>The resizer that produces the square crop from a picture's rows, and the crop's position in the picture.</summary>
    private (PillowResize Resize, PhotoWindow Window) FirstStep(int width, int height, int channels, string source, Orientation orientation)
    {
        if (Resize <= 0 || Crop <= 0)
            throw new ArgumentException($"Preprocessing: sizes must be positive, got Resize {Resize} and Crop {Crop}");
        // Resizing to the present size is the identity, so this only crops.
        (int toWidth, int toHeight) = (width, height);
        if (Order == CropOrder.ResizeThenCrop)
        {
            double longSide = (double)((long)Resize * Math.Max(width, height)) / Math.Min(width, height);
            if (longSide > int.MaxValue)
                throw new ImageException(source, $"{width} x {height} pixels are too elongated to resize", "Crop it first");
            (toWidth, toHeight) = width <= height ? (Resize, (int)longSide) : ((int)longSide, Resize);
        }
        (int x, int y) = (CentreCut(toWidth), CentreCut(toHeight));
        (double dx, double dy) = ((double)width / toWidth, (double)height / toHeight);
        return (new PillowResize(width, height, channels, toWidth, toHeight, new PixelWindow(x, y, Crop, Crop), orientation),
            new PhotoWindow(x * dx, y * dy, Crop * dx, Crop * dy));
    }

    private byte[] SecondStep(byte[] square, int channels) =>
        Order == CropOrder.ResizeThenCrop ? square : PillowResize.Bilinear(square, Crop, Crop, channels, Resize, Resize);

    private float[] Floats(byte[] crop)
    {
        float[] levels = Levels(), values = new float[crop.Length];
        for (int i = 0; i < values.Length; i += 3)
        {
            for (int c = 0; c < 3; c++)
                values[i + c] = levels[3 * crop[i + c] + c];
        }
        return values;
    }

    /// <summary>The start of torchvision's center_crop: halves round to even. Missing pixels are padded, an odd one at the end.</summary>
    private int CentreCut(int extent) =>
        Crop > extent ? -((Crop - extent) / 2) : (int)Math.Round((extent - Crop) / 2.0, MidpointRounding.ToEven);
}
