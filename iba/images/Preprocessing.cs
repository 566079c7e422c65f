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

/// <summary>A number for each colour channel.</summary>
public readonly record struct PerChannel(float Red, float Green, float Blue)
{
    /// <summary>The number of channel 0, 1 or 2.</summary>
    public float this[int channel] => channel == 0 ? Red : channel == 1 ? Green : Blue;

    /// <summary>The three numbers with blanks between, as any culture reads them.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Red} {Green} {Blue}");
}

/// <summary>A rectangle in a photo's pixels. It need not be whole, and it reaches outside where the crop was padded.</summary>
public readonly record struct PhotoWindow(double Left, double Top, double Width, double Height);

/// <summary>What a network sees of a photo.</summary>
/// <param name="Values">S x S x 3, channels last: (u/255 - mean)/std.</param>
/// <param name="Crop">The same as 8-bit RGB.</param>
/// <param name="Window">What part of the photo that is, to draw a map back on it.</param>
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

    /// <summary>The side of the square that the crop step cuts from the centre, pixels. What the image lacks is black.</summary>
    public int Crop { get; init; } = 224;

    /// <summary>Which step comes first.</summary>
    public CropOrder Order { get; init; }

    /// <summary>What is subtracted from colours from 0 to 1; by default ImageNet's mean, as torchvision's weights expect it.</summary>
    public PerChannel Mean { get; init; } = new(0.485f, 0.456f, 0.406f);

    /// <summary>What the difference is divided by; by default ImageNet's standard deviation.</summary>
    public PerChannel Std { get; init; } = new(0.229f, 0.224f, 0.225f);

    /// <summary>The same with colours left from 0 to 1, as the paper's bounding-box evaluation showed them to the network.</summary>
    public Preprocessing NotNormalised => this with { Mean = default, Std = new(1, 1, 1) };

    /// <summary>The side of the network's input, pixels.</summary>
    public int Size => Order == CropOrder.ResizeThenCrop ? Crop : Resize;

    /// <summary>The number that a colour becomes, in torchvision's order of operations.</summary>
    /// <param name="colour">0 to 1.</param>
    /// <param name="channel">0 to 2.</param>
    public float Normalised(float colour, int channel) => (colour - Mean[channel]) / Std[channel];

    /// <summary>Every setting, in words; equal settings have equal words. Files keep them.</summary>
    public override string ToString()
    {
        string steps = Order == CropOrder.ResizeThenCrop ? $"resize {Resize} bilinear, crop {Crop}" : $"crop {Crop}, resize {Resize} bilinear";
        return $"{steps}, mean {Mean}, std {Std}";
    }

    /// <summary>Resizes, crops and normalises.</summary>
    /// <exception cref="ImageException">The photo is so elongated that its resized side is not a number.</exception>
    public NetworkInput Apply(Photo photo)
    {
        (byte[] crop, PhotoWindow window) = Square(photo.Pixels, photo.Width, photo.Height, 3, photo.Source);
        return new NetworkInput(Floats(crop), new Photo(crop, Size, Size, photo.Source), window);
    }

    /// <summary>The same resize and crop for a single-channel mask.</summary>
    /// <param name="mask">H x W bytes.</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="source">What messages call it.</param>
    /// <returns>S x S bytes.</returns>
    public byte[] Apply(ReadOnlySpan<byte> mask, int width, int height, string source) =>
        Square(mask, width, height, 1, source).Crop;

    private (byte[] Crop, PhotoWindow Window) Square(ReadOnlySpan<byte> pixels, int width, int height, int channels, string source)
    {
        if (Resize <= 0 || Crop <= 0)
            throw new ArgumentException($"Preprocessing: sizes must be positive, got Resize {Resize} and Crop {Crop}");
        if (Order == CropOrder.CropThenResize)
        {
            (CentreCut x, CentreCut y) = (new(width, Crop), new(height, Crop));
            // Resizing to the size it already has is the identity, so this only cuts.
            byte[] cut = Cut(pixels, width, height, channels, width, height, x, y);
            return (PillowResize.Bilinear(cut, Crop, Crop, channels, Resize, Resize), new(x.Offset, y.Offset, Crop, Crop));
        }
        else
        {
            double longSide = (double)((long)Resize * Math.Max(width, height)) / Math.Min(width, height);
            if (longSide > int.MaxValue)
                throw new ImageException(source, $"{width} x {height} pixels are too elongated to resize", "Cut out the part that matters");
            (int toWidth, int toHeight) = width <= height ? (Resize, (int)longSide) : ((int)longSide, Resize);
            (CentreCut x, CentreCut y) = (new(toWidth, Crop), new(toHeight, Crop));
            byte[] cut = Cut(pixels, width, height, channels, toWidth, toHeight, x, y);
            (double dx, double dy) = ((double)width / toWidth, (double)height / toHeight);
            return (cut, new(x.Offset * dx, y.Offset * dy, Crop * dx, Crop * dy));
        }
    }

    /// <summary>Resizes, cuts the square from the centre, and pads what is missing.</summary>
    private byte[] Cut(
        ReadOnlySpan<byte> pixels, int width, int height, int channels, int toWidth, int toHeight, CentreCut x, CentreCut y)
    {
        var window = new PixelWindow(x.Start, y.Start, x.Length, y.Length);
        byte[] inside = PillowResize.Bilinear(pixels, width, height, channels, toWidth, toHeight, window);
        if (x.Length == Crop && y.Length == Crop)
            return inside;
        byte[] padded = new byte[Crop * Crop * channels];
        int stride = x.Length * channels;
        for (int row = 0; row < y.Length; row++)
            inside.AsSpan(row * stride, stride).CopyTo(padded.AsSpan(((y.Padding + row) * Crop + x.Padding) * channels));
        return padded;
    }

    private float[] Floats(byte[] crop)
    {
        // Once for each grey level and channel.
        float[] table = new float[3 * 256];
        for (int u = 0; u < 256; u++)
        {
            for (int c = 0; c < 3; c++)
                table[3 * u + c] = Normalised(u / 255f, c);
        }
        float[] values = new float[crop.Length];
        for (int i = 0; i < values.Length; i += 3)
        {
            for (int c = 0; c < 3; c++)
                values[i + c] = table[3 * crop[i + c] + c];
        }
        return values;
    }

    /// <summary>One axis of torchvision's center_crop: halves round to even; missing pixels are padded, the odd one at the end.</summary>
    private readonly struct CentreCut(int extent, int crop)
    {
        public int Offset { get; } = crop > extent
            ? -((crop - extent) / 2)
            : (int)Math.Round((extent - crop) / 2.0, MidpointRounding.ToEven);

        public int Start => Math.Max(Offset, 0);
        public int Padding => Math.Max(-Offset, 0);
        public int Length => Math.Min(extent, crop);
    }
}
