using Iba.Images;
using Xunit;

namespace Tests.Images;

/// <summary>Preprocessing equals torchvision on Pillow, to the last bit.</summary>
public class PreprocessingTests
{
    public static TheoryData<string> Files =>
        ["jpeg420.jpg", "jpeg422.jpg", "jpeg444.jpg", "progressive.jpg", "gray.jpg", "exif6.jpg", "rgb.png", "rgba.png", "palette.png"];

    private static GoldenFile Expected => Golden.Open("preprocessing.safetensors");

    /// <summary>
    /// SHA-256 of the floats, H x W x C, that torchvision 0.14's ResNet50_Weights.IMAGENET1K_V1.transforms() and IMAGENET1K_V2.transforms() give for
    /// rgb.png.
    /// </summary>
    [Theory]
    [InlineData(256, "8a65b8936ccad4a083e77710f99daa027c7fb6405bf1cc4c0785cf721b4891e9")]
    [InlineData(232, "44f6d5bc5506b49b16fd9f7943a8f069c4e56d7c02f02359d85a3643d17ee155")]
    public void Resizing_as_either_weights_of_ResNet50_have_it_gives_torchvisions_floats(int resize, string sha256)
    {
        float[] values = (Preprocessing.ImageNet with { Resize = resize }).Apply(Read("rgb.png")).Values;
        ReadOnlySpan<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan());
        Assert.Equal(sha256, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)));
    }

    [Fact]
    public void Equal_settings_have_equal_words_in_any_culture()
    {
        Assert.Equal("resize 256 bilinear, crop 224, mean 0.485 0.456 0.406, std 0.229 0.224 0.225", $"{Preprocessing.ImageNet}");
        Assert.Equal("crop 256, resize 224 bilinear, mean 0 0 0, std 1 1 1", $"{Preprocessing.ImageNetCroppedFirst.NotNormalised}");
    }

    private static Photo Read(string file, bool rotate = false) => PhotoFile.Read(Golden.Path($"preprocessing/{file}"), rotate);

    private static string Field(string file, string name) => $"{file.Replace('.', '_')}.{name}";

    [Theory, MemberData(nameof(Files))]
    public void Crops_equal_torchvision_bit_for_bit(string file)
    {
        Photo photo = Read(file);
        NetworkInput input = Preprocessing.ImageNet.Apply(photo);
        Assert.Equal(Expected.Bytes(Field(file, "crop")), input.Crop.Pixels);
        AssertGeometry(file, photo, input);
    }

    [Fact]
    public void Sixteen_bit_grey_is_scaled_where_the_reference_clips()
    {
        Photo photo = Read("gray16.png");
        NetworkInput input = Preprocessing.ImageNet.Apply(photo);
        AssertGeometry("gray16.png", photo, input);
        Assert.All(Expected.Bytes("gray16_png.crop"), level => Assert.Equal(255, level));
        Assert.InRange(input.Crop.Pixels.Average(level => level), 1, 254);
    }

    [Theory, InlineData("jpeg420.jpg"), InlineData("jpeg444.jpg"), InlineData("progressive.jpg")]
    public void Jpeg_decodes_as_in_Pillow(string file) => Assert.Equal(Expected.Bytes(Field(file, "decoded")), Read(file).Pixels);

    [Fact]
    public void Normalised_values_equal_torchvision_as_floats() =>
        Assert.Equal(Expected.NHWC("jpeg420_jpg.normalised"), Preprocessing.ImageNet.Apply(Read("jpeg420.jpg")).Values);

    [Fact]
    public void Without_normalising_values_are_levels_over_255()
    {
        NetworkInput input = Preprocessing.ImageNet.NotNormalised.Apply(Read("jpeg420.jpg"));
        Assert.Equal(input.Crop.Pixels.Select(level => level / 255f), input.Values);
    }

    [Fact]
    public void Orientation_is_carried_out_only_when_asked_for()
    {
        Assert.Equal(Orientation.RotateClockwise, Read("exif6.jpg").Orientation);
        Photo upright = Read("exif6.jpg", rotate: true);
        Assert.Equal(Orientation.Upright, upright.Orientation);
        Assert.Equal(Expected.Bytes("exif6_jpg.transposed_crop"), Preprocessing.ImageNet.Apply(upright).Crop.Pixels);
    }

    // The second is smaller than 256 pixels, so the crop pads it.
    [Theory, InlineData("jpeg420.jpg"), InlineData("jpeg444.jpg")]
    public void Crop_before_resize_equals_torchvision(string file)
    {
        Photo photo = Read(file);
        NetworkInput input = Preprocessing.ImageNetCroppedFirst.Apply(photo);
        Assert.Equal(Expected.Bytes(Field(file, "crop256_resize224")), input.Crop.Pixels);
        Assert.Equal((256, 256), (input.Window.Width, input.Window.Height));
        // The crop is centred to within half a pixel of rounding.
        Assert.InRange(input.Window.Left + 128 - photo.Width / 2.0, -0.5, 0.5);
        Assert.InRange(input.Window.Top + 128 - photo.Height / 2.0, -0.5, 0.5);
    }

    [Fact]
    public void Masks_take_the_same_way_as_photos()
    {
        GoldenFile metrics = Golden.Open("metrics.safetensors");
        int count = 0;
        for (; metrics.Has($"boxes.{count}.mask"); count++)
        {
            (byte[] mask, int width, int height) = BoxMask(metrics, $"boxes.{count}");
            Assert.Equal(metrics.Scalar($"boxes.{count}.mask_pixels"), mask.Count(level => level > 0));
            Assert.Equal(metrics.Bytes($"boxes.{count}.mask"), Preprocessing.ImageNet.Apply(mask, width, height, "mask"));
        }
        Assert.True(count > 0, "the golden file holds no boxes");
    }

    [Fact]
    public void A_photo_smaller_than_the_crop_is_centred_on_black()
    {
        var white = new Photo([.. Enumerable.Repeat((byte)255, 3 * 3 * 5)], 3, 5, "white");
        NetworkInput input = new Preprocessing { Crop = 8, Resize = 3 }.Apply(white);
        // 3 x 5 in 8 x 8: 2 columns of black before and 3 after, 1 row above and 2 below.
        for (int y = 0; y < 8; y++)
        {
            for (int x = 0; x < 8; x++)
                Assert.Equal(x is >= 2 and < 5 && y is >= 1 and < 6 ? 255 : 0, input.Crop.Pixels[3 * (8 * y + x)]);
        }
        Assert.Equal(new PhotoWindow(-2, -1, 8, 8), input.Window);
    }

    [Fact]
    public void A_photo_too_elongated_to_resize_is_refused()
    {
        var line = new Photo(new byte[3 * 10_000_000], 10_000_000, 1, "line.png");
        ImageException error = Assert.Throws<ImageException>(() => Preprocessing.ImageNet.Apply(line));
        Assert.Contains("line.png: 10000000 x 1 pixels are too elongated to resize", error.Message);
    }

    private static void AssertGeometry(string file, Photo photo, NetworkInput input)
    {
        long[] size = Expected.Longs(Field(file, "size")), offset = Expected.Longs(Field(file, "crop_offset"));
        Assert.Equal((size[0], size[1]), (photo.Width, photo.Height));
        double dx = (double)size[0] / size[2], dy = (double)size[1] / size[3];
        Assert.Equal(new PhotoWindow(offset[1] * dx, offset[0] * dy, 224 * dx, 224 * dy), input.Window);
    }

    // The arithmetic of the evaluation's reference: corners scaled to the image and cut to whole pixels, end exclusive.
    private static (byte[] Mask, int Width, int Height) BoxMask(GoldenFile metrics, string box)
    {
        int[] size = Whole(metrics, $"{box}.image_size"), annotation = Whole(metrics, $"{box}.annotation_size");
        int[] corners = Whole(metrics, $"{box}.boxes");
        byte[] mask = new byte[size[0] * size[1]];
        for (int i = 0; i < corners.Length; i += 4)
        {
            int At(int k) => (int)(size[k % 2] * ((double)corners[i + k] / annotation[k % 2]));
            for (int y = At(1); y < At(3); y++)
                mask.AsSpan((y * size[0]) + At(0), At(2) - At(0)).Fill(255);
        }
        return (mask, size[0], size[1]);
    }

    private static int[] Whole(GoldenFile file, string field) => [.. file.Longs(field).Select(value => (int)value)];
}
