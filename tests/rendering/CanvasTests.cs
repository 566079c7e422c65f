using System.Numerics;
using CsCheck;
using Iba.Rendering;
using Xunit;

namespace Tests.Rendering;

public class CanvasTests
{
    private static double Ink(Canvas canvas) => canvas.Pixels.Sum(level => (255 - level) / 255.0) / 3;

    private static Canvas White(int size = 100) => new(size, size, Rgb.White);

    [Fact]
    public void A_line_holds_as_much_ink_as_its_round_pen_sweeps() =>
        Gen.Select(Gen.Float[20, 80], Gen.Float[20, 80], Gen.Float[20, 80], Gen.Float[20, 80], Gen.Double[1, 10]).Sample((x0, y0, x1, y1, pen) =>
        {
            Canvas canvas = White();
            canvas.Line(new(x0, y0), new(x1, y1), pen, Rgb.Grey(0));
            double length = Vector2.Distance(new(x0, y0), new(x1, y1)), area = pen * length + Math.PI * pen * pen / 4;
            // Coverage is the distance to the edge, sampled at pixel centres: exact for vertical and horizontal lines, else within a few
            // per cent of the pen's width, most for a pen of one pixel. A pen wrong by a pixel would be off by its whole length.
            Assert.Equal(area, Ink(canvas), 0.1 * area + 1);
        }, iter: 200);

    [Fact]
    public void A_polygon_holds_its_area() =>
        Gen.Float[5, 95].Array[6].Sample(places =>
        {
            Vector2 a = new(places[0], places[1]), b = new(places[2], places[3]), c = new(places[4], places[5]);
            Canvas canvas = White();
            canvas.Fill([a, b, c], Rgb.Grey(0));
            double area = Math.Abs((b.X - a.X) * (c.Y - a.Y) - (b.Y - a.Y) * (c.X - a.X)) / 2;
            double edge = Vector2.Distance(a, b) + Vector2.Distance(b, c) + Vector2.Distance(c, a);
            // 16 samples per pixel: a cell of 1/16 is wrong along the edge by half of itself at most.
            Assert.Equal(area, Ink(canvas), edge / 16 + 0.5);
        }, iter: 200);

    [Fact]
    public void A_rectangle_covers_the_pixels_at_its_edges_in_part()
    {
        Canvas canvas = White();
        canvas.Fill(10.25, 20, 2.5, 1.5, Rgb.Grey(0));
        Assert.Equal([64, 0, 64, 255], Enumerable.Range(10, 4).Select(x => (int)canvas[x, 20].R));
        Assert.Equal(128, canvas[11, 21].R);
        Assert.Equal(2.5 * 1.5, Ink(canvas), 0.02);
    }

    [Fact]
    public void Strokes_of_a_letter_that_cross_are_not_painted_twice()
    {
        // A pen of half a pixel paints half the ink; the crossing of + must not be darker than its bars.
        Canvas canvas = White();
        canvas.Text("+", 40, 60, 7, Rgb.Grey(0));
        Assert.InRange(canvas.Pixels.Min(), 100, 255);
    }

    [Fact]
    public void Whatever_is_outside_is_cut_off()
    {
        Canvas canvas = White(20);
        canvas.Line(new(-50, -50), new(70, 70), 3, Rgb.Grey(0));
        canvas.Line(new(-50, 500), new(-20, 500), 3, Rgb.Grey(0));
        canvas.Text("far away", 500, -40, 20, Rgb.Grey(0));
        canvas.Fill(-5, -5, 8, 8, Rgb.Grey(0));
        canvas.Fill([new(-10, 30), new(30, 30), new(10, 10)], Rgb.Grey(0));
        canvas.Blit(new byte[3 * 30 * 30], 30, 30, 15, -28);
        canvas.Blit(new byte[3 * 30 * 30], 30, 30, 100, 100);
        Assert.Equal(Rgb.Grey(0), canvas[2, 2]);
        Assert.Equal([Rgb.White, Rgb.Grey(0)], new[] { canvas[14, 1], canvas[15, 1] });
    }

    [Fact]
    public void A_picture_is_copied_to_its_place()
    {
        Canvas canvas = new(3, 3, Rgb.White);
        canvas.Blit([1, 2, 3, 4, 5, 6], 1, 2, 1, 1);
        Assert.Equal(new Rgb(1, 2, 3), canvas[1, 1]);
        Assert.Equal(new Rgb(4, 5, 6), canvas[1, 2]);
        Assert.Equal(7, Enumerable.Range(0, 9).Count(i => canvas[i % 3, i / 3] == Rgb.White));
    }
}
