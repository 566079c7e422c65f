using Iba.Images;
using Xunit;

namespace Tests.Images;

public class PhotoTests
{
    /// <summary>EXIF 2.3, tag 0x0112: which visual side the stored picture's row 0 and column 0 are.</summary>
    private static readonly Dictionary<int, (string Row0, string Column0)> Sides = new()
    {
        [1] = ("top", "left"),
        [2] = ("top", "right"),
        [3] = ("bottom", "right"),
        [4] = ("bottom", "left"),
        [5] = ("left", "top"),
        [6] = ("right", "top"),
        [7] = ("right", "bottom"),
        [8] = ("left", "bottom"),
    };

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Every_orientation_puts_row_0_and_column_0_at_the_sides_that_EXIF_names(int orientation)
    {
        const int Width = 5, Height = 3;
        byte[] pixels = [.. Enumerable.Range(0, Width * Height * 3).Select(i => (byte)i)];
        Photo upright = new Photo(pixels, Width, Height, "test", (Orientation)orientation).Upright();
        (string row0, string column0) = Sides[orientation];
        bool rowsAreRows = row0 is "top" or "bottom";
        Assert.Equal(rowsAreRows ? (Width, Height) : (Height, Width), (upright.Width, upright.Height));
        Assert.Equal(Orientation.Upright, upright.Orientation);
        for (int row = 0; row < Height; row++)
        {
            for (int column = 0; column < Width; column++)
            {
                (int y, int x) = rowsAreRows ? (row, column) : (column, row);
                string vertical = rowsAreRows ? row0 : column0, horizontal = rowsAreRows ? column0 : row0;
                if (vertical == "bottom")
                    y = upright.Height - 1 - y;
                if (horizontal == "right")
                    x = upright.Width - 1 - x;
                Assert.Equal(pixels.AsSpan(3 * (row * Width + column), 3), upright.Pixels.AsSpan(3 * (y * upright.Width + x), 3));
            }
        }
    }

    [Fact]
    public void Pixels_must_fill_the_extents()
    {
        Assert.Throws<ArgumentException>(() => new Photo(new byte[11], 2, 2, "test"));
        Assert.Throws<ArgumentException>(() => new Photo([], 0, 2, "test"));
    }
}
